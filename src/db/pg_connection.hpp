// PgConnection: one connection to PostgreSQL, or to PgBouncer in transaction mode before it.
//
// Statements are queued by send() and go out together; sync() waits for all their answers in one
// round trip (libpq's pipeline mode). Statements have no names and nothing is kept in the server's
// session, because behind PgBouncer the next transaction may be on another server connection.
// At most one round trip is under way. PgBouncer (1.18) gives a server connection to the next
// client when its client goes away between the answers of two of them, and the second one's answer
// with it: some other query's rows, as the answer to this one. Belongs to one database thread.
// Every wait has an end; once it broke, or did not answer in time, it answers nothing but that:
// make another one.
#pragma once

#include "db/pg_error.hpp"
#include "db/pg_params.hpp"
#include "db/pg_result.hpp"
#include "db/pg_target.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace indaba::db {

class PgConnection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // Waits for it, a few seconds at most for each host.
  [[nodiscard]] static Result<std::unique_ptr<PgConnection>> open(const PgTarget& target);

  // Copies the parameters. Errors show at sync().
  void send(std::string_view sql, std::span<const Param> params = {});
  void send(std::string_view sql, const PgParams& params);

  struct Answers {
    std::vector<PgResult> results;  // of the statements since the last sync(), in their order
    std::optional<PgFailure> failure;
    std::size_t failed = 0;  // index of the statement that failed; those behind it did not run
    bool broken = false;     // nothing more is known; `failure` says why
  };
  [[nodiscard]] Answers sync(Deadline deadline);
  // Sends what is queued, and leaves the answers to settle(), which comes before all else.
  void finish_later();
  void settle(Deadline deadline);

  // Several statements without parameters, outside a pipeline.
  [[nodiscard]] Result<void> script(const std::string& sql);

  [[nodiscard]] bool broken() const noexcept { return !broken_.empty(); }
  // No answer came in time.
  [[nodiscard]] bool late() const noexcept { return late_; }
  // True where the other side has closed it meanwhile. Only between transactions.
  [[nodiscard]] bool gone();

 private:
  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  struct Sent {
    std::string sql;  // its beginning, for the log
  };
  explicit PgConnection(PGconn* connection) : connection_(connection) {}

  bool flush();
  void read_answers(Answers& answers, Deadline deadline);
  bool wait(Deadline deadline);
  PgResult next_result(Deadline deadline);
  void fail(std::string why);
  void take(Answers& answers, PgResult result);
  [[nodiscard]] std::string message() const;

  std::unique_ptr<PGconn, Finish> connection_;
  std::vector<Sent> sent_;  // since the last sync()
  bool unsettled_ = false;  // after finish_later()
  bool unsent_ = false;     // libpq holds bytes that the socket would not take
  bool late_ = false;
  std::string broken_;  // why
};

}  // namespace indaba::db
