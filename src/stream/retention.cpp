#include "stream/retention.hpp"

#include <algorithm>

namespace indaba::stream {

namespace {

// Streams that still keep events, with the age of their oldest one.
constexpr std::string_view kCandidates =
    "SELECT s.id, s.kind, s.org_id, s.retention_ms,"
    " (SELECT e.created_at FROM events e WHERE e.stream_id = s.id ORDER BY e.seq LIMIT 1)"
    " FROM streams s WHERE s.id > $1 AND ($2 IS NULL OR s.id = $2) AND s.head >= s.oldest"
    " ORDER BY s.id LIMIT $3";
constexpr std::string_view kLastOld =
    "SELECT max(seq) FROM (SELECT seq, created_at FROM events WHERE stream_id = $1 ORDER BY seq "
    "LIMIT $2)"
    " oldest_events WHERE created_at < $3";
constexpr std::string_view kDelete = "DELETE FROM events WHERE stream_id = $1 AND seq <= $2";
constexpr std::string_view kMoveOldest =
    "UPDATE streams SET oldest = $2 WHERE id = $1 AND oldest < $2";

struct Batch {
  std::int64_t deleted = 0;
  Seq oldest;
};

Result<Batch> trim_batch(db::WriteTx& tx, StreamId stream, std::int64_t before, int size) {
  INDABA_TRY(auto last,
             tx.sql().first<std::int64_t>(
                 kLastOld, [](const db::Row& r) { return r.int64(0); }, stream, size, before));
  if (!last || *last == 0) return Batch{};
  INDABA_TRY(const auto deleted, trim_through(tx, stream, Seq(*last)));
  return Batch{deleted, Seq(*last + 1)};
}

// Everything of one stream that is older than `before`, a batch at a time.
Task<Result<std::int64_t>> trim_stream(db::Database* database, StreamId stream, std::int64_t before,
                                       int size, RetentionListener* listener) {
  std::int64_t events = 0;
  for (;;) {
    auto change = [=](db::WriteTx& tx) { return trim_batch(tx, stream, before, size); };
    auto write = database->write(db::Shard(stream.value), change);
    INDABA_CO_TRY(const auto written, co_await write);
    const auto& batch = written.value;
    if (batch.deleted == 0) co_return events;
    events += batch.deleted;
    if (listener != nullptr) listener->on_trimmed(stream, batch.oldest);
    if (batch.deleted < size) co_return events;
  }
}

}  // namespace

Result<std::vector<KeptStream>> list_kept_streams(db::Session& session, StreamId after,
                                                  StreamId only) {
  return session.all<KeptStream>(
      kCandidates,
      [](const db::Row& r) {
        const auto own = r.maybe_int64(3);
        return KeptStream{r.id<StreamId>(0), r.string(1), r.id<OrgId>(2),
                          own ? std::optional(Millis(*own)) : std::nullopt,
                          from_millis(r.int64(4))};
      },
      after.value, only, kStreamsAtOnce);
}

Result<std::int64_t> trim_through(db::WriteTx& tx, StreamId stream, Seq last) {
  INDABA_TRY_VOID(tx.sql().execute(kDelete, stream, last));
  const auto deleted = tx.sql().changed();
  tx.take(stream);
  tx.when_sequenced([stream, last](db::Session& session, std::span<const db::Appended>) {
    return session.execute(kMoveOldest, stream, last.next());
  });
  return deleted;
}

std::optional<Millis> RetentionPolicy::of(std::string_view kind) const {
  const auto found = by_kind.find(kind);
  return found == by_kind.end() ? otherwise : found->second;
}

Task<Result<TrimReport>> trim(db::Database& database, TrimRequest request,
                              RetentionListener* listener) {
  TrimReport report;
  StreamId after;
  for (;;) {
    auto query = [after, only = request.stream](db::Session& session) {
      return list_kept_streams(session, after, only);
    };
    auto read = database.read(query);
    INDABA_CO_TRY(const auto candidates, co_await read);
    for (const auto& candidate : candidates) {
      after = candidate.stream;
      const auto kept =
          candidate.own_retention ? candidate.own_retention : request.policy.of(candidate.kind);
      if (!kept) continue;
      const auto before = to_millis(request.now - *kept);
      if (to_millis(candidate.oldest_at) >= before) continue;
      INDABA_CO_TRY(const auto events, co_await trim_stream(&database, candidate.stream, before,
                                                            request.batch, listener));
      report.events += events;
      report.streams += events > 0 ? 1 : 0;
    }
    if (candidates.size() < static_cast<std::size_t>(kStreamsAtOnce)) co_return report;
  }
}

}  // namespace indaba::stream
