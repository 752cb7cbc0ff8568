// PgSession: transactions on a connection that is made again when it broke.
//
// Belongs to one database thread. A transaction of a writer first takes the shards that it is about
// (set_shards(): advisory locks of the transaction, in their order): what the changes of one shard
// decided by reading still holds when they write, on all nodes, and their statements see all that
// was committed before. A reader's transaction is one snapshot and cannot write.
//
// What is promised of a commit: every one writes a row of its own into `commits`. Where its answer
// is lost, resolve() puts a row of the same id there, marked as lost, by another connection. The
// database lets only one of the two in, and waits for the first as long as that is undecided;
// whichever row is there then is the answer, and a commit that was found lost can never come later.
#pragma once

#include "base/random.hpp"
#include "db/pg_connection.hpp"
#include "db/transactional_session.hpp"

#include <unordered_map>

namespace indaba::db {

class PgSession final : public TransactionalSession {
 public:
  enum class Access : unsigned char { read_write, read_only };
  PgSession(PgTarget target, Access access, PgTimes times);
  ~PgSession() override;
  PgSession(const PgSession&) = delete;
  PgSession& operator=(const PgSession&) = delete;

  Result<void> run(std::string_view sql, std::span<const Param> params,
                   const RowCallback& on_row) override;
  Result<void> run_later(std::string_view sql, std::span<const Param> params) override;
  [[nodiscard]] Dialect dialect() const override { return Dialect::postgres; }
  [[nodiscard]] std::int64_t changed() const override { return changed_; }

  Result<void> begin() override;
  CommitOutcome commit(Error& why) override;
  void rollback() override;
  [[nodiscard]] std::int64_t writes() const override { return writes_; }
  [[nodiscard]] bool storage_failed() const override { return storage_failed_; }
  [[nodiscard]] bool aborted() const override { return aborted_; }
  [[nodiscard]] bool went_on() const override { return went_on_; }
  [[nodiscard]] bool worth_another_try() const override { return another_try_; }
  void set_careful(bool careful) override { careful_ = careful; }
  std::optional<CommitOutcome> resolve(Millis patience, Error& why) override;

  // The next transactions take these first.
  void set_shards(std::vector<std::int64_t> keys);
  // Several statements without parameters.
  Result<void> script(const std::string& sql);
  // Connects, if it is not connected.
  Result<void> connect();

 private:
  using Deadline = PgConnection::Deadline;
  [[nodiscard]] Deadline deadline() const;
  void send_begin();
  void send_limits(Millis statement, Millis lock, Millis idle);
  PgConnection::Answers sync(Deadline deadline);
  Error note(PgFailure failure);
  Result<void> check_usable();
  Result<void> run_carefully(std::string_view sql, const PgParams& params,
                             const RowCallback& on_row);
  void count(const PgConnection::Answers& answers);
  CommitOutcome commit_written(Error& why);
  std::optional<CommitOutcome> look_for_commit(Deadline end, Error& why);
  std::int64_t new_id();

  const PgTarget target_;
  const Access access_;
  const PgTimes times_;
  SystemRandom random_;
  std::unique_ptr<PgConnection> connection_;
  int failures_ = 0;  // to connect, in a row
  std::chrono::steady_clock::time_point next_try_;

  std::vector<std::int64_t> shards_;  // in order
  bool careful_ = false;
  std::int64_t commit_id_ = 0;
  std::int64_t previous_commit_ = 0;

  // Of the transaction:
  std::optional<std::int64_t> mark_;  // until its first answers
  bool open_ = false;
  bool wrote_ = false;
  bool aborted_ = false;
  bool went_on_ = false;
  bool another_try_ = false;
  bool storage_failed_ = false;
  std::int64_t changed_ = 0;
  std::int64_t writes_ = 0;
  // What was asked already, as long as nothing was written: many changes of a group ask the same.
  std::unordered_map<std::string, PgResult> asked_;
};

}  // namespace indaba::db
