// The SQL of exports, each statement beside its row type. The pages of what is exported are in
// pages.hpp.
#pragma once

#include "feature/exports/exports.hpp"

namespace indaba::exports::queries {

struct Row {
  JobId id;
  std::string task_uuid;
  OrgId org;
  UserId user;
  Kind kind = Kind::tasks_csv;
  Status status = Status::queued;
  std::int64_t run = 0;
  std::int64_t lines = 0;
  std::int64_t bytes = 0;
  std::optional<ExportError> error;
  WallTime created_at{};
  std::optional<WallTime> ended_at;
  std::optional<WallTime> expires_at;
};

[[nodiscard]] Result<void> insert(db::Session& session, const Row& row);
// Neither this nor list() has what has expired by `now`.
[[nodiscard]] Result<std::optional<Row>> find(db::Session& session, OrgId org, JobId id,
                                              WallTime now);
[[nodiscard]] Result<std::optional<Row>> find(db::Session& session, std::string_view task_uuid);
[[nodiscard]] Result<std::vector<Row>> list(db::Session& session, OrgId org, WallTime now);
// Of this requester and kind, with a job that has not ended.
[[nodiscard]] Result<std::optional<Row>> find_under_way(db::Session& session, OrgId org,
                                                        UserId user, Kind kind);
// Those since then: how many, and when the first of them was asked for.
struct Recent {
  std::int64_t count = 0;
  WallTime first{};
};
[[nodiscard]] Result<Recent> count_since(db::Session& session, OrgId org, WallTime since);

// The number of the run that begins; none where there is nothing to do any more.
[[nodiscard]] Result<std::optional<std::int64_t>> begin_run(db::Session& session, JobId id);
// false: another run has begun since, or it has ended.
[[nodiscard]] Result<bool> add_piece(db::Session& session, JobId id, std::int64_t run,
                                     std::int64_t part, std::size_t size, std::string_view packed);
struct Piece {
  std::int64_t size = 0;
  std::string packed;
};
[[nodiscard]] Result<std::optional<Piece>> find_piece(db::Session& session, JobId id,
                                                      std::int64_t run, std::int64_t part);
struct Totals {
  std::int64_t lines = 0;
  std::int64_t bytes = 0;
};
// Both say whether it was this run's to end.
[[nodiscard]] Result<bool> finish(db::Session& session, JobId id, std::int64_t run, Totals totals,
                                  WallTime now);
[[nodiscard]] Result<bool> fail(db::Session& session, JobId id, std::int64_t run,
                                const ExportError& error, WallTime now);

// Not ended, though their jobs are.
[[nodiscard]] Result<std::vector<Row>> list_abandoned(db::Session& session, int most);
[[nodiscard]] Result<void> remove_expired(db::Session& session, WallTime now);
// Pieces of older runs, failed exports and none at all. How many there were.
[[nodiscard]] Result<std::int64_t> remove_stray_pieces(db::Session& session, int most);

}  // namespace indaba::exports::queries
