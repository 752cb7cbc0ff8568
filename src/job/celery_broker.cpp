#include "job/celery_broker.hpp"

#include "base/json.hpp"
#include "base/json_write.hpp"
#include "job/celery_json.hpp"
#include "job/celery_message.hpp"
#include "job/celery_result.hpp"

#include <fmt/format.h>

namespace indaba::job::celery {

namespace {

constexpr std::string_view kUnacked = "unacked";
constexpr std::string_view kIndex = "unacked_index";
constexpr std::string_view kMutex = "unacked_mutex";
constexpr std::string_view kMarker = "indaba.celery.marker";
constexpr std::string_view kRevoked = "indaba.celery.revoked";
constexpr std::string_view kDeadKept = "200";
constexpr std::string_view kRevokedKept = "50000";
constexpr std::string_view kRevokedSeconds = "10800";
constexpr std::string_view kWatchSeconds = "2";
constexpr int kMostRestored = 10;
constexpr Millis kAfterError{1000};
constexpr Millis kTellEvery{10'000};

bool good(const cluster::RedisReply* reply) {
  return reply != nullptr && !reply->is_error();
}

// "1795000000.123", as scores have it.
std::string seconds_of(WallTime t) {
  return fmt::format("{}.{:03}", to_millis(t) / 1000, to_millis(t) % 1000);
}

std::string_view word_of(Ending::Way way) {
  return way == Ending::Way::ack ? "ack" : way == Ending::Way::delay ? "delay" : "dead";
}

std::vector<std::string_view> words(std::initializer_list<std::string_view> first,
                                    const std::vector<std::string>& rest) {
  std::vector<std::string_view> all(first);
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
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
void Broker::tell_log(const cluster::RedisReply& error) {
  if (loop_.now() - told_at_ < kTellEvery) return;
  told_at_ = loop_.now();
  log_.error("celery", "Redis refuses what a worker does", {{"reason", error.error()}});
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
                 if (!good(reply)) {
                   orphans_.insert(orphans_.end(), tags.begin(), tags.end());
                   if (reply != nullptr) {
                     tell_log(*reply);
                     forget_orphans();
                   }
                   return done(std::move(batch));
                 }
                 batch.answered = true;
                 batch.dead = (*reply)[0].integer();
                 for (std::size_t i = 1; i + 2 < reply->size(); i += 3)
                   batch.taken.push_back({std::string((*reply)[i].text()),
                                          std::string((*reply)[i + 1].text()),
                                          std::string((*reply)[i + 2].text())});
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
                        can_watch_ = reply->error_code() != "ERR";
                        loop_.run_after(kAfterError, [this, &watch] {
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
  // where this process ends between the two.
  const auto store = [this, ending, done](const auto* reply) {
    if (!good(reply)) return done(Ended::unknown);
    if (reply->integer() == 0) return done(Ended::not_ours);
    const auto seconds = std::to_string(options_.result_expires.count());
    backend_->call({"EVAL", scripts::kFinish, "5", kUnacked, kIndex, "indaba.celery.none", "none",
                    ending.result_key, "none", "-", "ack", "", "0", kDeadKept, ending.result,
                    seconds, ending.success ? "1" : "0"},
                   [this, ending, done](const auto* told) {
                     if (!good(told)) return done(Ended::unknown);
                     end_here(ending, false, done);
                   });
  };
  client_.call({"HEXISTS", kUnacked, ending.tag}, store);
}

void Broker::end_here(const Ending& ending, bool with_result, std::function<void(Ended)> done) {
  const auto to =
      ending.way == Ending::Way::dead ? dead_key(ending.queue) : delayed_key(ending.queue);
  const auto raw = ending.way == Ending::Way::delay
                       ? fmt::format("{}|{}", step_of(ending.priority), ending.raw)
                       : ending.raw;
  const auto due = seconds_of(ending.due);
  const auto seconds = std::to_string(options_.result_expires.count());
  const std::string_view result = with_result && !ending.result_key.empty()
                                      ? std::string_view(ending.result)
                                      : std::string_view();
  client_.call({"EVAL", scripts::kFinish, "5", kUnacked, kIndex, kMarker, to, ending.result_key,
                ending.tag, ending.marker, word_of(ending.way), raw, due, kDeadKept, result,
                seconds, ending.success ? "1" : "0"},
               [this, done = std::move(done)](const auto* reply) {
                 if (reply != nullptr && reply->is_error()) tell_log(*reply);
                 if (!good(reply)) return done(Ended::unknown);
                 done(reply->integer() == 0 ? Ended::not_ours : Ended::done);
               });
}

void Broker::tell(const std::string& tag, const std::string& result_key,
                  const std::string& result) {
  if (backend_) return;  // the end is told there; what is on the way is not worth three questions
  const auto seconds = std::to_string(options_.result_expires.count());
  client_.call({"EVAL", scripts::kTell, "2", kUnacked, result_key, tag, result, seconds},
               [](const auto*) {});
}

void Broker::renew(const std::vector<std::string>& tags, std::function<void(Gone)> done) {
  const auto fresh = new_uuid(random_);
  client_.call(words({"EVAL", scripts::kRenew, "3", kUnacked, kIndex, kMarker, fresh}, tags),
               [this, done = std::move(done)](const auto* reply) {
                 if (!good(reply)) return done(std::nullopt);
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
                 if (reply == nullptr) orphans_.insert(orphans_.end(), tags.begin(), tags.end());
                 done();
               });
}

void Broker::restore(std::function<void(int, int)> done) {
  if (!ready()) return;
  const auto token = new_uuid(random_);
  const auto visibility =
      std::to_string(std::max<std::int64_t>(1, options_.visibility.count() / 1000));
  std::vector<std::string> ends;
  for (const auto& queue : options_.queues) ends.push_back(fmt::format("\"{}\"]", queue));
  client_.call(
      words({"EVAL", scripts::kFindLost, "3", kUnacked, kIndex, kMutex, visibility, token}, ends),
      [this, token, done = std::move(done)](const auto* reply) {
        if (!good(reply) || reply->size() < 3) return done(0, 0);
        const auto count = std::make_shared<std::pair<int, int>>();
        for (std::size_t i = 1; i + 1 < reply->size(); i += 2)
          restore_one((*reply)[i].text(), (*reply)[i + 1].text(), (*reply)[0].text(), count);
        client_.call({"EVAL", scripts::kUnlock, "1", kMutex, token},
                     [count, done](const auto*) { done(count->first, count->second); });
      });
}

// As kombu does it. What came back too often is not tried again: it may be what ends its workers.
void Broker::restore_one(std::string_view tag, std::string_view value, std::string_view before,
                         const std::shared_ptr<std::pair<int, int>>& count) {
  std::string raw = "null";
  std::string queue;
  if (const auto entry = json::parse(value, {80});
      entry && entry->is_array() && entry->get_array().size() == 3) {
    raw = json::to_text(entry->get_array()[0]);
    queue = text_of(&entry->get_array()[2]);
  }
  const auto marked = as_redelivered(raw);
  const auto read = decode(marked ? *marked : raw);
  const auto* message = std::get_if<Message>(&read);
  Ending ending{.tag = std::string(tag), .marker = marker_, .queue = queue, .raw = raw};
  if (!marked || (message != nullptr && message->restored > kMostRestored)) {
    ++count->second;
    ending.way = Ending::Way::dead;
    if (message != nullptr && !message->ignore_result) {
      const Outcome lost{
          State::failure, "null",
          Exception{
              "WorkerLostError", "\"It ended its workers too often.\"", "billiard.exceptions", {}}};
      ending.result_key = result_key(message->id);
      ending.result = encode(lost, *message, clock_.wall());
    }
    if (!queue.empty()) end(ending, [](Ended) {});
    return;
  }
  const auto key = key_of(queue, message == nullptr ? 0 : message->priority);
  client_.call(
      {"EVAL", scripts::kRestore, "4", kUnacked, kIndex, key, kMutex, tag, before, *marked},
      [count](const auto* done) {
        if (good(done) && done->integer() == 1) ++count->first;
      });
}

void Broker::delayed(std::function<void(std::vector<std::string>)> done) {
  const auto all = std::make_shared<std::vector<std::string>>();
  const auto left = std::make_shared<std::size_t>(options_.queues.size());
  for (const auto& queue : options_.queues)
    client_.call({"EVAL", scripts::kDelayed, "1", delayed_key(queue)},
                 [all, left, done](const auto* reply) {
                   for (std::size_t i = 0; reply != nullptr && i < reply->size(); ++i)
                     all->emplace_back((*reply)[i].text().substr(2));
                   if (--*left == 0) done(std::move(*all));
                 });
}

void Broker::remember_revoked(const std::vector<std::string>& ids) {
  client_.call(words({"EVAL", scripts::kRevoke, "1", kRevoked, kRevokedKept, kRevokedSeconds}, ids),
               [](const auto*) {});
}

void Broker::recall_revoked(std::function<void(std::vector<std::string>)> done) {
  client_.call({"ZRANGE", kRevoked, "0", "-1"}, [done = std::move(done)](const auto* reply) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; reply != nullptr && i < reply->size(); ++i)
      ids.emplace_back((*reply)[i].text());
    done(std::move(ids));
  });
}

void Broker::push(const std::string& key, const std::string& raw, std::chrono::seconds kept) {
  client_.call({"LPUSH", key, raw}, [](const auto*) {});
  client_.call({"EXPIRE", key, std::to_string(kept.count())}, [](const auto*) {});
}

}  // namespace indaba::job::celery
