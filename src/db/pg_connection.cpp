#include "db/pg_connection.hpp"

#include <cerrno>
#include <poll.h>
#include <stdexcept>
#include <utility>

namespace indaba::db {

namespace {

constexpr std::size_t kShownSql = 200;

void ignore_notice(void*, const PGresult*) {}

}  // namespace

Result<std::unique_ptr<PgConnection>> PgConnection::open(const PgTarget& target) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : target.settings()) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PgConnection> made(
      new PgConnection(PQconnectdbParams(keywords.data(), values.data(), 0)));
  auto* connection = made->connection_.get();
  if (PQstatus(connection) != CONNECTION_OK) return pg_unreachable(made->message());
  PQsetNoticeReceiver(connection, &ignore_notice, nullptr);
  PQsetErrorContextVisibility(connection, PQSHOW_CONTEXT_NEVER);
  if (PQsetnonblocking(connection, 1) != 0 || PQenterPipelineMode(connection) != 1)
    return pg_unreachable(made->message());
  return made;
}

std::string PgConnection::message() const {
  const char* text = PQerrorMessage(connection_.get());
  return text == nullptr ? "out of memory" : text;
}

void PgConnection::fail(std::string why) {
  if (broken_.empty()) broken_ = why.empty() ? "the connection is lost" : std::move(why);
  connection_.reset();  // the server takes back a transaction that is open
}

void PgConnection::send(std::string_view sql, std::span<const Param> params) {
  send(sql, PgParams(params));
}

void PgConnection::send(std::string_view sql, const PgParams& params) {
  if (unsettled_) throw std::logic_error("a statement before the last answers are there");
  sent_.push_back({std::string(sql.substr(0, kShownSql))});
  if (broken()) return;
  const std::string text(sql);
  if (PQsendQueryParams(connection_.get(), text.c_str(), params.count(), params.types(),
                        params.values(), params.lengths(), params.formats(), 1) != 1)
    fail(message());
}

bool PgConnection::flush() {
  const int left = PQflush(connection_.get());
  if (left < 0) {
    fail(message());
    return false;
  }
  unsent_ = left > 0;
  return true;
}

bool PgConnection::wait(Deadline deadline) {
  pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
  if (unsent_) socket.events |= POLLOUT;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  const int ready = left.count() <= 0 ? 0 : ::poll(&socket, 1, static_cast<int>(left.count()) + 1);
  if (ready < 0 && errno == EINTR) return true;
  if (ready <= 0) {
    late_ = true;
    fail("no answer in time");
    return false;
  }
  if (PQconsumeInput(connection_.get()) != 1) {
    fail(message());
    return false;
  }
  return true;
}

// nullptr: the end of one statement's answers, or broken().
PgResult PgConnection::next_result(Deadline deadline) {
  while (PQisBusy(connection_.get()) != 0)
    if (!flush() || !wait(deadline)) return nullptr;
  if (PGresult* result = PQgetResult(connection_.get()); result != nullptr) return own(result);
  if (PQstatus(connection_.get()) != CONNECTION_OK) fail(message());
  return nullptr;
}

void PgConnection::take(Answers& answers, PgResult result) {
  const auto status = PQresultStatus(result.get());
  const auto& sql = sent_[std::min(answers.results.size(), sent_.size() - 1)].sql;
  if (status == PGRES_FATAL_ERROR && !answers.failure) {
    answers.failure = pg_failure(result.get(), sql);
    answers.failed = answers.results.size();
  } else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !answers.failure) {
    answers.failure =
        PgFailure{Error::internal(fmt::format("{} in: {}", PQresStatus(status), sql))};
    answers.failed = answers.results.size();
  }
  answers.results.push_back(std::move(result));
}

// To the end of the round trip that is under way.
void PgConnection::read_answers(Answers& answers, Deadline deadline) {
  int ends = 0;  // in a row: one behind each statement
  while (!broken()) {
    auto result = next_result(deadline);
    if (!result) {
      if (++ends > 2 && !broken()) fail("fewer answers than statements");
      continue;
    }
    ends = 0;
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) return;
    if (!sent_.empty()) take(answers, std::move(result));
  }
}

PgConnection::Answers PgConnection::sync(Deadline deadline) {
  Answers answers;
  if (!broken() && PQpipelineSync(connection_.get()) != 1) fail(message());
  if (!broken()) flush();
  read_answers(answers, deadline);
  sent_.clear();
  if (broken()) {
    answers.broken = true;
    answers.failure = PgFailure{pg_unreachable(broken_), false, true, late_};
  }
  return answers;
}

void PgConnection::finish_later() {
  sent_.clear();
  if (broken()) return;
  if (PQpipelineSync(connection_.get()) != 1) return fail(message());
  unsettled_ = true;
  flush();
}

void PgConnection::settle(Deadline deadline) {
  if (!std::exchange(unsettled_, false)) return;
  Answers untold;
  read_answers(untold, deadline);
}

bool PgConnection::gone() {
  // Its last words may come before its end.
  for (int round = 0; round < 3 && !broken(); ++round) {
    pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
    if (::poll(&socket, 1, 0) == 0) break;
    if (PQconsumeInput(connection_.get()) != 1) fail(message());
  }
  return broken();
}

Result<void> PgConnection::script(const std::string& sql) {
  settle(std::chrono::steady_clock::now() + std::chrono::seconds(5));
  if (broken()) return pg_unreachable(broken_);
  if (PQexitPipelineMode(connection_.get()) != 1) return pg_unreachable(message());
  PQsetnonblocking(connection_.get(), 0);
  const auto result = own(PQexec(connection_.get(), sql.c_str()));
  const auto status = PQresultStatus(result.get());
  Result<void> done;
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    done = pg_failure(result.get(), sql).error;
  PQsetnonblocking(connection_.get(), 1);
  if (PQstatus(connection_.get()) != CONNECTION_OK || PQenterPipelineMode(connection_.get()) != 1)
    fail(message());
  return done;
}

}  // namespace indaba::db
