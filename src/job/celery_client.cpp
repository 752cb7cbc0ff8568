#include "job/celery_client.hpp"

#include "base/check.hpp"
#include "base/text.hpp"
#include "job/celery_called.hpp"
#include "job/celery_scripts.hpp"

#include <fmt/format.h>

namespace indaba::job::celery {

namespace {

constexpr std::size_t kMostWaiting = 10'000;
constexpr std::size_t kLongestName = 255;
constexpr std::string_view kSentKept = "604800";  // seconds
constexpr std::string_view kChannel = "celery-task-meta-";
constexpr Millis kLookEvery{1'000};  // where a word was lost

Error unavailable(std::string code, std::string detail) {
  return {ErrorKind::unavailable, std::move(code), std::move(detail)};
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || !text::is_utf8(name)) return false;
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x21 || c == '"' || c == '\\') return false;
  return true;
}

}  // namespace

struct Client::Waiting {
  Told told;
  MonoTime until;
};

Client::Client(cluster::RedisTarget broker, std::optional<cluster::RedisTarget> backend,
               Options options, const Clock& clock, Random& random, Logger& log)
    : options_(options),
      clock_(clock),
      random_(random),
      target_(std::move(broker)),
      backend_target_(backend ? *std::move(backend) : target_),
      thread_(clock),
      client_(thread_.loop(), target_, "indaba-celery-client", random, log),
      backend_(thread_.loop(), backend_target_, "indaba-celery-client", random, log),
      bus_(backend_target_, "", clock, random, log) {}

Client::~Client() {
  stop();
}

void Client::start() {
  check(!started_, "a client of Celery's starts once");
  started_ = true;
  thread_.start();
  bus_.start(*this);
  thread_.loop().post([this] {
    client_.start([this] { came_up_ = true; });
    backend_.start([] {});
  });
}

void Client::stop() {
  if (!started_) return;
  started_ = false;
  bus_.stop();
  thread_.loop().post([this] {
    client_.stop();
    backend_.stop();
    while (!waiting_.empty())
      settle(waiting_.begin()->first, unavailable("stopping", "The program ends."));
  });
  thread_.stop();
}

Result<std::string> Client::check_sending(const Sending& sending) const {
  if (!is_name(sending.task))
    return Error::invalid_field("task", "A task has a name without blanks.");
  if (!is_name(sending.queue))
    return Error::invalid_field("queue", "A queue has a name without blanks.");
  if (!sending.id.empty() && !is_name(sending.id))
    return Error::invalid_field("id", "An id is a text without blanks.");
  if (sending.priority < 0 || sending.priority > 9)
    return Error::invalid_field("priority", "A priority is 0 (the most urgent) to 9.");
  if (sending.eta && *sending.eta - clock_.wall() >= options_.visibility)
    return Error::invalid_field(
        "eta", fmt::format("A time that is more than {} s away is beyond the visibility time-out: "
                           "the task would be delivered again while it waits, and run twice. Let "
                           "Indaba's own queue wait, or raise the time-out on all workers.",
                           options_.visibility.count() / 1000));
  if (sending.hard && sending.soft && *sending.soft >= *sending.hard)
    return Error::invalid_field("soft", "The soft limit of time ends before the hard one.");
  return sending.id.empty() ? new_uuid(random_) : sending.id;
}

Task<Result<std::string>> Client::send(Sending sending) {
  INDABA_CO_TRY(const auto id, check_sending(sending));
  Message message;
  message.id = id;
  message.task = sending.task;
  message.args = std::move(sending.args);
  message.kwargs = std::move(sending.kwargs);
  message.eta = sending.eta;
  message.expires = sending.expires;
  message.retries = sending.retries;
  message.priority = sending.priority;
  message.hard = sending.hard;
  message.soft = sending.soft;
  message.queue = sending.queue;
  message.ignore_result = sending.ignore_result;
  auto raw = encode(std::move(message), random_);
  if (raw.size() > kMaxMessageBytes)
    co_return Error(ErrorKind::too_large, "A task and its arguments have at most 1 MiB.");
  const Letter letter{id, key_of(sending.queue, sending.priority), std::move(raw), sending.once};
  Called<Result<std::string>> called(
      [this, letter](std::function<void(Result<std::string>)> done) mutable {
        thread_.loop().post([this, letter, done = std::move(done)] { push(letter, done); });
      });
  co_return co_await called;
}

void Client::push(const Letter& letter, std::function<void(Result<std::string>)> done) {
  if (!client_.ready())
    return done(unavailable("celery_unreachable", "Celery's broker cannot be reached."));
  auto answered = [id = letter.id, done = std::move(done)](const cluster::RedisReply* reply) {
    if (reply == nullptr)
      return done(unavailable("outcome_unknown",
                              "The connection to Celery's broker broke: the task may be there."));
    if (reply->is_error())
      return done(unavailable("celery_refused", "Celery's broker does not take it."));
    done(id);
  };
  if (!letter.once) return client_.call({"LPUSH", letter.key, letter.raw}, std::move(answered));
  const auto sent = fmt::format("indaba.celery.sent.{}", letter.id);
  client_.call({"EVAL", scripts::kSendOnce, "2", letter.key, sent, letter.raw, kSentKept},
               std::move(answered));
}

Task<Result<Outcome>> Client::result(std::string id, Millis within) {
  if (!is_name(id)) co_return Error::invalid_field("id", "An id is a text without blanks.");
  Called<Result<Outcome>> called([this, id, within](Told told) {
    thread_.loop().post([this, id, within, told = std::move(told)] { wait(id, within, told); });
  });
  co_return co_await called;
}

// First the ear, then the look: what is told between the two is heard.
void Client::wait(std::string id, Millis within, Told told) {
  if (waiting_.size() >= kMostWaiting)
    return told(unavailable("too_many_waiting", "Too many results are waited for."));
  bus_.join(result_key(id));
  const auto waiting = std::make_shared<Waiting>();
  waiting->told = std::move(told);
  waiting->until = thread_.loop().now() + within;
  waiting_.emplace(id, waiting);
  look(id);
}

void Client::look(const std::string& id) {
  const auto [first, last] = waiting_.equal_range(id);
  if (first == last) return;
  auto earliest = MonoTime::max();
  std::vector<Told> late;
  for (auto it = first; it != last;) {
    if (it->second->until <= thread_.loop().now()) {
      late.push_back(std::move(it->second->told));
      it = waiting_.erase(it);
    } else {
      earliest = std::min(earliest, it->second->until);
      ++it;
    }
  }
  for (const auto& told : late)
    told(unavailable("no_result_yet", "The task has not ended in time."));
  if (earliest == MonoTime::max()) return bus_.leave(result_key(id));
  backend_.call({"GET", result_key(id)}, [this, id](const auto* reply) {
    if (reply != nullptr && !reply->is_nil() && !reply->is_error()) heard(id, reply->text());
  });
  const auto left = std::chrono::duration_cast<Millis>(earliest - thread_.loop().now());
  thread_.loop().run_after(std::clamp(left, Millis(1), kLookEvery), [this, id] { look(id); });
}

void Client::heard(const std::string& id, std::string_view text) {
  auto outcome = decode_result(text);
  if (outcome && !outcome->ended()) return;
  settle(id, outcome);
}

void Client::settle(const std::string& id, const Result<Outcome>& outcome) {
  const auto channel = result_key(id);  // `id` may be the key that goes
  const auto [first, last] = waiting_.equal_range(id);
  if (first == last) return;
  std::vector<Told> all;
  for (auto it = first; it != last; ++it) all.push_back(std::move(it->second->told));
  waiting_.erase(first, last);
  bus_.leave(channel);
  for (const auto& told : all) told(outcome);
}

void Client::on_message(std::string_view channel, std::string_view payload) {
  if (!channel.starts_with(kChannel)) return;
  thread_.loop().post([this, id = std::string(channel.substr(kChannel.size())),
                       text = std::string(payload)] { heard(id, text); });
}

void Client::on_joined(std::string_view channel) {
  if (!channel.starts_with(kChannel)) return;
  thread_.loop().post([this, id = std::string(channel.substr(kChannel.size()))] {
    if (!waiting_.contains(id)) return;
    backend_.call({"GET", result_key(id)}, [this, id](const auto* reply) {
      if (reply != nullptr && !reply->is_nil() && !reply->is_error()) heard(id, reply->text());
    });
  });
}

}  // namespace indaba::job::celery
