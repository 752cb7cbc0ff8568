#include "cluster/redis_session.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace indaba::cluster {

namespace {

constexpr Millis kStepTimeout{2000};

}  // namespace

RedisSession::RedisSession(net::Loop& loop, const RedisTarget& target, std::string name,
                           Owner& owner)
    : loop_(loop), target_(target), name_(std::move(name)), owner_(owner), alarm_([this] {
        on_alarm();
      }) {}

void RedisSession::start() {
  close();
  tried_ = 0;
  if (target_.by_sentinel())
    open(target_.addresses()[sentinel_ % target_.addresses().size()], Stage::sentinel);
  else
    open(target_.addresses().front(), Stage::server);
}

void RedisSession::close() {
  stage_ = Stage::closed;
  alarm_.disarm();
  drop_connection();
}

void RedisSession::drop_connection() {
  steps_.clear();
  failed_.clear();
  if (!connection_) return;
  connection_->close();
  loop_.bury(std::move(connection_));
}

std::size_t RedisSession::unsent() const noexcept {
  return connection_ ? connection_->unsent() : 0;
}

void RedisSession::command(std::span<const std::string_view> words) {
  if (ready()) connection_->command(words);
}

void RedisSession::open(const RedisAddress& address, Stage stage) {
  drop_connection();
  stage_ = stage;
  RedisConnection::Owner& self = *this;
  connection_ = std::make_unique<RedisConnection>(loop_, self);
  if (auto opened = connection_->open(address); !opened) {
    failed_ = opened.error().log;
    loop_.arm(alarm_, Millis(0));  // the owner expects no call from within start()
  } else {
    loop_.arm(alarm_, kStepTimeout);
  }
}

void RedisSession::on_alarm() {
  on_broken(failed_.empty() ? std::string("no answer in time") : std::string(failed_));
}

void RedisSession::on_broken(const std::string& why) {
  if (stage_ == Stage::sentinel)
    next_sentinel(why);
  else
    fail(why);
}

void RedisSession::next_sentinel(const std::string& why) {
  sentinel_ = (sentinel_ + 1) % target_.addresses().size();
  if (++tried_ >= target_.addresses().size())
    return fail(fmt::format("no Sentinel can say where {} is: {}", target_.master(), why));
  open(target_.addresses()[sentinel_], Stage::sentinel);
}

void RedisSession::fail(const std::string& why) {
  close();
  owner_.on_session_lost(*this, why);
}

void RedisSession::ask(Step step, std::initializer_list<std::string_view> words) {
  steps_.push_back(step);
  connection_->command(std::span(words.begin(), words.size()));
}

void RedisSession::on_connected() {
  loop_.arm(alarm_, kStepTimeout);
  if (!target_.password().empty()) {
    if (target_.user().empty())
      ask(Step::auth, {"AUTH", target_.password()});
    else
      ask(Step::auth, {"AUTH", target_.user(), target_.password()});
  }
  if (stage_ == Stage::sentinel)
    return ask(Step::ask_master, {"SENTINEL", "get-master-addr-by-name", target_.master()});
  if (target_.by_sentinel()) ask(Step::role, {"ROLE"});
  if (target_.db() != 0) ask(Step::select, {"SELECT", std::to_string(target_.db())});
  ask(Step::name, {"CLIENT", "SETNAME", name_});
}

void RedisSession::on_answer(const RedisReply& reply) {
  if (stage_ == Stage::ready) return owner_.on_session_reply(*this, reply);
  if (steps_.empty()) return on_broken("an answer that nobody asked for");
  const auto step = steps_.front();
  steps_.pop_front();
  answered(step, reply);
}

void RedisSession::answered(Step step, const RedisReply& reply) {
  const auto code = reply.error_code();
  switch (step) {
    case Step::auth:
      // A Sentinel often has no password where its Redis has one. The text of an error may quote
      // what was sent.
      if (reply.is_error() && stage_ == Stage::server)
        fail(fmt::format("Redis refuses the user or the password ({})", code));
      return;
    case Step::ask_master:
      return found_master(reply);
    case Step::role:
      if (reply[0].text() != "master")
        fail("Sentinel names a Redis that is not the master (any more)");
      return;
    case Step::select:
      if (reply.is_error()) fail(reply.error());
      return;
    case Step::name:
      // The last one: whatever it says of the name, Redis answers. These say that it cannot serve.
      if (code == "NOAUTH") return fail("Redis asks for a password, and its address has none");
      if (reply.is_error() && code != "ERR" && code != "NOPERM") return fail(reply.error());
      alarm_.disarm();
      stage_ = Stage::ready;
      return owner_.on_session_ready(*this);
  }
}

void RedisSession::found_master(const RedisReply& reply) {
  const auto port = text::parse_int64(reply[1].text());
  if (reply.is_error()) return next_sentinel(reply.error());
  if (reply[0].text().empty() || !port || *port < 1 || *port > 65535)
    return next_sentinel("it knows no master of this name");
  RedisAddress master;
  master.host = reply[0].text();
  master.port = static_cast<std::uint16_t>(*port);
  open(master, Stage::server);
}

}  // namespace indaba::cluster
