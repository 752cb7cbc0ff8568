#include "job/celery_broker.hpp"

#include "job/celery_keys.hpp"
#include "job/celery_message.hpp"
#include "job/celery_result.hpp"

#include <fmt/format.h>

namespace indaba::job::celery {

namespace {

constexpr std::string_view kWatchSeconds = "2";
constexpr Millis kWatchAgainAfter{1000};
constexpr Millis kTellEvery{10'000};

constexpr std::size_t kLongestReason = 160;

// "1795000000.123", as scores have it.
std::string score_of(WallTime t) {
  return fmt::format("{}.{:03}", to_millis(t) / 1000, to_millis(t) % 1000);
}

std::string_view word_of(Ending::Way way) {
  return way == Ending::Way::ack ? "ack" : way == Ending::Way::delay ? "delay" : "dead";
}

}  // namespace

// One connection that waits at one queue's first list.
struct Broker::Watch {
  Watch(net::Loop& loop, const cluster::RedisTarget& target, std::string name, Random& random,
        Logger& log)
      : queue(std::move(name)), client(loop, target, "indaba-celery-watch", random, log) {}
  std::string queue;
  cluster::RedisClient client;
  bool waiting = false;
};

Broker::Broker(net::Loop& loop, const cluster::RedisTarget& target,
               const cluster::RedisTarget* backend, BrokerOptions options, const Clock& clock,
               Random& random, Logger& log)
    : options_(std::move(options)),
      loop_(loop),
      clock_(clock),
      random_(random),
      log_(log),
      client_(loop, target, "indaba-celery", random, log) {
  if (backend != nullptr)
    backend_ = std::make_unique<cluster::RedisClient>(loop, *backend, "indaba-celery-results",
                                                      random, log);
  for (const auto& queue : options_.queues)
    watches_.push_back(std::make_unique<Watch>(loop, target, queue, random, log));
}

Broker::~Broker() = default;

void Broker::start(std::function<void()> on_ready, std::function<void()> on_message) {
  on_ready_ = std::move(on_ready);
  on_message_ = std::move(on_message);
  client_.start([this] { on_client_ready(); });
  if (backend_)
    backend_->start([this] {
      if (ready()) on_ready_();
    });
  for (auto& watch : watches_)
    watch->client.start([this, &watch = *watch] {
      watch.waiting = false;
      if (watching_) watch_queue(watch);
    });
}

void Broker::stop() {
  watching_ = false;
  for (auto& watch : watches_) watch->client.stop();
  if (backend_) backend_->stop();
  client_.stop();
}

std::string Broker::delayed_key(std::string_view queue) const {
  return fmt::format("{}.delayed", queue);
}

std::string Broker::dead_key(std::string_view queue) const {
  return fmt::format("{}.dead", queue);
}

// Of a Redis that is full, or only a copy: again and again, until it is better.
void Broker::tell_log(const std::string& error) {
  const auto now = loop_.now();
  const auto code = error.substr(0, error.find(' '));
  if (code == told_ && now - told_at_ < kTellEvery) return;
  if (!said_.may(now)) return;
  told_ = code;
  told_at_ = now;
  log_.error("celery", "Redis refuses what a worker does", {{"reason", error}});
}

bool Broker::heard(const cluster::RedisReply* reply) {
  if (reply != nullptr && reply->is_error()) tell_log(reply->error());
  return good(reply);
}

std::string Broker::seconds_kept() const {
  return std::to_string(options_.result_expires.count());
}

void Broker::on_client_ready() {
  forget_orphans();
  if (ready()) on_ready_();
}

void Broker::forget_orphans() {
  if (orphans_.empty()) return;
  give_back(std::exchange(orphans_, {}), [] {});
}

void Broker::take(std::size_t count, std::function<void(Batch)> done) {
  if (!ready()) return done({});
  std::vector<std::string> rest;
  for (const auto& queue : options_.queues) {
    for (const int priority : {0, 3, 6, 9}) rest.push_back(key_of(queue, priority));
    rest.push_back(delayed_key(queue));
    rest.push_back(dead_key(queue));
  }
  const auto keys = std::to_string(2 + rest.size());
  rest.push_back(std::to_string(options_.queues.size()));
  rest.push_back(std::to_string(kMaxMessageBytes));
  rest.push_back(std::to_string(first_++ % options_.queues.size()));
  rest.emplace_back(kDeadKept);
  rest.insert(rest.end(), options_.queues.begin(), options_.queues.end());
  std::vector<std::string> tags;
  for (std::size_t i = 0; i < count; ++i) tags.push_back(new_uuid(random_));
  rest.insert(rest.end(), tags.begin(), tags.end());
  client_.call(words({"EVAL", scripts::kTake, keys, kUnacked, kIndex}, rest),
               [this, tags = std::move(tags), done = std::move(done)](const auto* reply) {
                 Batch batch;
                 if (!heard(reply)) {
                   orphans_.insert(orphans_.end(), tags.begin(), tags.end());
                   take_refused_ = reply != nullptr;
                   if (reply != nullptr) forget_orphans();
                   return done(std::move(batch));
                 }
                 batch.answered = true;
                 batch.dead = (*reply)[0].integer();
                 batch.now = from_millis(number_in((*reply)[1].text()));
                 const std::string refused((*reply)[2].text());
                 take_refused_ = !refused.empty();
                 if (take_refused_) tell_log(refused.substr(0, kLongestReason));
                 std::size_t bytes = 0;
                 const auto refusals = (*reply)[3];
                 for (std::size_t i = 0; i + 1 < refusals.size(); i += 2)
                   tell_refused(refusals[i].integer(), refusals[i + 1].text());
                 for (std::size_t i = 4; i + 2 < reply->size(); i += 3) {
                   batch.taken.push_back({std::string((*reply)[i].text()),
                                          std::string((*reply)[i + 1].text()),
                                          std::string((*reply)[i + 2].text())});
                   bytes += batch.taken.back().raw.size();
                 }
                 batch.full = bytes >= kMaxMessageBytes;
                 done(std::move(batch));
               });
}

void Broker::watch() {
  watching_ = true;
  for (auto& watch : watches_) watch_queue(*watch);
}

// To move the last one onto its own place changes nothing, and waits until there is one. (Redis
// before 6.2 cannot; the worker looks from time to time as well.)
void Broker::watch_queue(Watch& watch) {
  if (watch.waiting || !can_watch_ || !watch.client.ready()) return;
  watch.waiting = true;
  watch.client.call({"BLMOVE", watch.queue, watch.queue, "RIGHT", "RIGHT", kWatchSeconds},
                    [this, &watch](const auto* reply) {
                      watch.waiting = false;
                      if (reply == nullptr || !watching_) return;
                      if (reply->is_error()) {
                        can_watch_ = !reply->text().starts_with("ERR unknown command");
                        if (can_watch_ && reply->error_code() != "UNBLOCKED")
                          tell_log(reply->error());
                        loop_.run_after(kWatchAgainAfter, [this, &watch] {
                          if (watching_) watch_queue(watch);
                        });
                        return;
                      }
                      if (reply->is_nil()) return watch_queue(watch);
                      watching_ = false;
                      on_message_();
                    });
}

void Broker::end(const Ending& ending, std::function<void(Ended)> done) {
  if (!ready()) return done(Ended::unknown);
  if (!backend_ || ending.result_key.empty()) return end_here(ending, true, std::move(done));
  // Results are elsewhere: first what is told, then the message, so that a caller hears of it even
  // where this process ends between the two. A broker that has forgotten all since has not given it
  // to anybody else.
  const auto when_held = [this, ending, done](const auto* reply) {
    if (!heard(reply)) return done(Ended::unknown);
    if (reply->integer() == 0) return done(Ended::not_ours);
    store(ending.result_key, ending.result, ending.success, [this, ending, done](bool told) {
      if (!told) return done(Ended::unknown);
      end_here(ending, false, done);
    });
  };
  client_.call({"EVAL", scripts::kHolds, "2", kUnacked, kMarker, ending.tag, ending.marker},
               when_held);
}

// Where results are kept, of no message that anybody holds.
void Broker::store(const std::string& result_key, const std::string& result, bool success,
                   std::function<void(bool)> done) {
  auto& client = backend_ ? *backend_ : client_;
  client.call(
      {"EVAL", scripts::kFinish, "5", kUnacked, kIndex, "indaba.celery.none", "none", result_key,
       "none", "-", "ack", "", "0", kDeadKept, result, seconds_kept(), success ? "1" : "0", ""},
      [this, done = std::move(done)](const auto* reply) { done(heard(reply)); });
}

void Broker::end_here(const Ending& ending, bool with_result, std::function<void(Ended)> done) {
  const auto to =
      ending.way == Ending::Way::dead ? dead_key(ending.queue) : delayed_key(ending.queue);
  const auto raw = ending.way == Ending::Way::delay
                       ? fmt::format("{}|{}", step_of(ending.priority), ending.raw)
                       : ending.raw;
  const auto due = score_of(ending.due);
  const auto seconds = seconds_kept();
  const std::string_view result = with_result && !ending.result_key.empty()
                                      ? std::string_view(ending.result)
                                      : std::string_view();
  client_.call({"EVAL", scripts::kFinish, "5", kUnacked, kIndex, kMarker, to, ending.result_key,
                ending.tag, ending.marker, word_of(ending.way), raw, due, kDeadKept, result,
                seconds, ending.success ? "1" : "0", ending.queue},
               [this, done = std::move(done)](const auto* reply) {
                 if (!heard(reply)) return done(Ended::unknown);
                 done(reply->integer() == 0 ? Ended::not_ours : Ended::done);
               });
}

void Broker::tell(const std::string& tag, const std::string& result_key,
                  const std::string& result) {
  if (backend_) return;  // the end is told there; what is on the way is not worth three questions
  const auto seconds = seconds_kept();
  client_.call({"EVAL", scripts::kTell, "2", kUnacked, result_key, tag, result, seconds},
               [](const auto*) {});
}

void Broker::renew(const std::vector<Held>& held, std::function<void(Gone)> done) {
  const auto fresh = new_uuid(random_);
  std::vector<std::string> tags;
  for (const auto& one : held) {
    tags.push_back(one.tag);
    tags.push_back(one.queue);
  }
  client_.call(words({"EVAL", scripts::kRenew, "3", kUnacked, kIndex, kMarker, fresh}, tags),
               [this, done = std::move(done)](const auto* reply) {
                 renew_refused_ = reply != nullptr && reply->is_error();
                 if (!heard(reply)) return done(std::nullopt);
                 std::vector<std::string> gone;
                 const auto marker = (*reply)[0].text();
                 if (marker != marker_) {  // Redis was emptied: nobody else has what we have
                   marker_ = marker;
                 } else {
                   for (std::size_t i = 1; i < reply->size(); ++i)
                     gone.emplace_back((*reply)[i].text());
                 }
                 done(std::move(gone));
               });
}

void Broker::give_back(const std::vector<std::string>& tags, std::function<void()> done) {
  if (tags.empty()) return done();
  client_.call(words({"EVAL", scripts::kGiveBack, "2", kUnacked, kIndex}, tags),
               [this, tags, done = std::move(done)](const auto* reply) {
                 if (!heard(reply) && reply == nullptr)
                   orphans_.insert(orphans_.end(), tags.begin(), tags.end());
                 done();
               });
}

void Broker::push(const std::string& key, const std::string& raw, std::chrono::seconds kept) {
  client_.call({"LPUSH", key, raw}, [](const auto*) {});
  client_.call({"EXPIRE", key, std::to_string(kept.count())}, [](const auto*) {});
}

}  // namespace indaba::job::celery
