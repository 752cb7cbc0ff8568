#include "gateway/session_exchange.hpp"

#include "cluster/wire.hpp"
#include "gateway/session.hpp"
#include "ws/close_code.hpp"

namespace indaba::gateway {

namespace {

enum class Kind : std::uint8_t { question = 1, answer };

// No session has more; a message that says so is not one of ours.
constexpr std::int64_t kMostPositions = 10'000;

void write(cluster::WireWriter& out, const SavedSession& session) {
  out.number(session.user.value)
      .text(session.uuid)
      .number(session.count)
      .number(to_millis(session.saved_at))
      .number(static_cast<std::int64_t>(session.positions.size()));
  for (const auto& position : session.positions)
    out.text(position.stream).number(position.seq.value).text(position.epoch);
  // Last: nodes of a version that knows nothing of ids read no further.
  for (const auto& position : session.positions)
    out.number(position.id.value).number(position.org.value);
}

std::optional<SavedSession> read_session(cluster::WireReader& in) {
  SavedSession session;
  session.user = UserId(in.number());
  session.uuid = in.text();
  session.count = in.number();
  session.saved_at = from_millis(in.number());
  const auto positions = in.number();
  if (!in.ok() || positions < 0 || positions > kMostPositions) return std::nullopt;
  for (std::int64_t i = 0; i < positions && in.ok(); ++i) {
    SavedPosition position;
    position.stream = in.text();
    position.seq = Seq(in.number());
    position.epoch = in.text();
    session.positions.push_back(std::move(position));
  }
  if (!in.ok()) return std::nullopt;
  if (in.at_end()) return session;  // of a version that knew names alone
  for (auto& position : session.positions) {
    position.id = StreamId(in.number());
    position.org = OrgId(in.number());
  }
  if (!in.ok()) return std::nullopt;
  return session;
}

}  // namespace

SessionExchange::SessionExchange(cluster::Cluster& cluster, OpenSessions& open, ResumeStore& kept)
    : cluster_(cluster), open_(open), kept_(kept) {
  cluster.listen(cluster::Topic::sessions,
                 [this](NodeId from, std::string_view body) { hear(from, body); });
}

// --- our questions

struct SessionExchange::Asking {
  SessionExchange& exchange;
  UserId user;
  std::string uuid;
  std::shared_ptr<Question> question = std::make_shared<Question>();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    question->awaiting = awaiting;
    question->executor = Executor::current();
    exchange.put(question, user, uuid);
  }
  std::optional<SavedSession> await_resume() { return std::move(question->best); }
};

Task<std::optional<SavedSession>> SessionExchange::ask(UserId user, std::string uuid) {
  if (!cluster_.up() || cluster_.alone()) co_return std::nullopt;
  Asking asking{*this, user, uuid};
  auto found = co_await asking;
  if (found && (found->user != user || found->uuid != uuid)) co_return std::nullopt;
  co_return found;
}

// Who asked may be resumed at any moment after this, but on its own executor: not before it has
// suspended.
void SessionExchange::put(const std::shared_ptr<Question>& question, UserId user,
                          std::string_view uuid) {
  std::int64_t id = 0;
  {
    const std::scoped_lock lock(mutex_);
    id = ++last_id_;
    question->missing = std::max<std::size_t>(cluster_.count(), 1);
    questions_.emplace(id, question);
  }
  cluster::WireWriter out;
  out.byte(static_cast<std::uint8_t>(Kind::question)).number(id).number(user.value).text(uuid);
  cluster_.tell_all(cluster::Topic::sessions, out.take());
  question->executor->run_after(kPatience, [this, id] { end(id); });
}

void SessionExchange::end(std::int64_t id) {
  std::shared_ptr<Question> question;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = questions_.find(id);
    if (found == questions_.end()) return;
    question = std::move(found->second);
    questions_.erase(found);
  }
  auto* executor = question->executor;
  executor->post([question = std::move(question)] { question->awaiting.resume(); });
}

void SessionExchange::on_answer(std::int64_t id, std::optional<SavedSession> session) {
  bool all = false;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = questions_.find(id);
    if (found == questions_.end()) return;  // too late
    auto& question = *found->second;
    question.best = newer(std::move(question.best), std::move(session));
    all = --question.missing == 0;
  }
  if (all) end(id);
}

// --- questions of others

void SessionExchange::hear(NodeId from, std::string_view body) {
  cluster::WireReader in(body);
  const auto kind = in.byte();
  const auto id = in.number();
  if (kind == static_cast<std::uint8_t>(Kind::question)) {
    const UserId user(in.number());
    std::string uuid(in.text());
    if (in.ok()) on_question(from, id, user, std::move(uuid));
  } else if (kind == static_cast<std::uint8_t>(Kind::answer)) {
    const bool has = in.byte() == 1;
    if (!in.ok()) return;
    on_answer(id, has ? read_session(in) : std::nullopt);
  }
}

void SessionExchange::on_question(NodeId from, std::int64_t id, UserId user, std::string uuid) {
  auto open = open_.find(user, uuid);
  if (!open) return answer(from, id, kept_.take(user, uuid));
  auto* executor = open->executor;
  executor->post([this, from, id, user, uuid = std::move(uuid), open = *std::move(open)] {
    std::optional<SavedSession> snapshot;
    if (const auto session = open.session.lock(); session && !session->closed()) {
      snapshot = session->snapshot();
      session->close(ws::CloseCode::replaced, "The session was resumed elsewhere.");
    }
    // Asked last: one that ends in between leaves what it was there.
    answer(from, id, newer(std::move(snapshot), kept_.take(user, uuid)));
  });
}

void SessionExchange::answer(NodeId to, std::int64_t id,
                             const std::optional<SavedSession>& session) {
  cluster::WireWriter out;
  out.byte(static_cast<std::uint8_t>(Kind::answer)).number(id).byte(session ? 1 : 0);
  if (session) write(out, *session);
  cluster_.tell(to, cluster::Topic::sessions, out.take());
}

}  // namespace indaba::gateway
