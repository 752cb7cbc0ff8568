// What lies in Redis beside the lists of a queue: what was lost, what is delayed, what is revoked.
#include "base/json.hpp"
#include "base/json_write.hpp"
#include "base/text.hpp"
#include "job/celery_broker.hpp"
#include "job/celery_json.hpp"
#include "job/celery_keys.hpp"
#include "job/celery_message.hpp"
#include "job/celery_refused.hpp"
#include "job/celery_result.hpp"
#include "job/celery_scripts.hpp"

#include <fmt/format.h>

namespace indaba::job::celery {

namespace {

constexpr std::string_view kRevoked = "indaba.celery.revoked";
constexpr std::string_view kMostRevokedKept = "50000";
constexpr std::string_view kRevokedSeconds = "10800";
constexpr int kMostRestored = 10;

void trim_end(std::string_view& text, std::string_view what) {
  const auto last = text.find_last_not_of(what);
  text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// The message of a value that nobody can read, by how it ends: [message, "exchange", "queue"].
std::string_view message_in(std::string_view value, std::string_view queue) {
  auto text = value;
  if (!text.starts_with('[') || text.size() < queue.size() + 4) return value;
  text.remove_prefix(1);
  text.remove_suffix(queue.size() + 3);
  trim_end(text, ", ");
  if (!text.ends_with('"')) return value;
  const auto opened = text.find_last_of('"', text.size() - 2);
  if (text.size() < 2 || opened == std::string_view::npos) return value;
  text = text.substr(0, opened);
  trim_end(text, ", ");
  return text;
}

}  // namespace

void Broker::restore(std::function<void(int, int)> done) {
  if (!reachable()) return;
  const auto token = new_uuid(random_);
  const auto visibility =
      std::to_string(std::max<std::int64_t>(1, options_.visibility.count() / 1000));
  const auto from = std::to_string(lost_from_);
  client_.call(
      words({"EVAL", scripts::kFindLost, "3", kUnacked, kIndex, kMutex, visibility, token, from},
            options_.queues),
      [this, token, done = std::move(done)](const auto* reply) {
        if (!heard(reply) || reply->size() < 2) return;
        lost_from_ = (*reply)[0].integer();
        const auto count = std::make_shared<std::pair<int, int>>();
        for (std::size_t i = 2; i + 1 < reply->size(); i += 2)
          restore_one((*reply)[i].text(), (*reply)[i + 1].text(), (*reply)[1].text(), count);
        client_.call({"EVAL", scripts::kUnlock, "1", kMutex, token},
                     [count, done](const auto*) { done(count->first, count->second); });
      });
}

// As kombu does it. What came back too often is not tried again: it may be what ends its workers.
void Broker::restore_one(std::string_view tag, std::string_view value, std::string_view before,
                         const std::shared_ptr<std::pair<int, int>>& count) {
  std::string raw(value);
  std::string queue;
  for (const auto& own : options_.queues)
    if (value.ends_with(fmt::format("\"{}\"]", own))) queue = own;
  if (const auto entry = json::parse(value, {80});
      entry && entry->is_array() && entry->get_array().size() == 3) {
    raw = json::to_text(entry->get_array()[0]);
  } else {  // not to be found at each look for ever
    raw = message_in(value, queue);
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
  client_.call({"EVAL", scripts::kRestore, "3", kUnacked, kIndex, key, tag, before, *marked, queue},
               [count](const auto* done) {
                 if (good(done) && done->integer() == 1) ++count->first;
               });
}

// What was put aside unread: whoever waits for it need not, if it says who that is.
void Broker::tell_refused(std::int64_t bytes, std::string_view excerpt) {
  const auto* reason = bytes > static_cast<std::int64_t>(kMaxMessageBytes)
                           ? "the message is above 1 MiB"
                           : "the message is no strict JSON";
  const auto poison = refused_by(excerpt, reason);
  if (!poison) return;
  log_.warn("celery", "a message that cannot be run was put aside",
            {{"task_id", poison->id}, {"reason", poison->reason}});
  if (poison->ignore_result) return;
  Message message;
  message.id = poison->id;
  message.task = poison->task;
  const Outcome outcome{State::failure, "null", of_celery("InvalidTaskError", poison->reason)};
  store(result_key(poison->id), encode(outcome, message, clock_.wall()), false, [](bool) {});
}

void Broker::delayed(std::function<void(std::vector<std::string>)> done) {
  const auto all = std::make_shared<std::vector<std::string>>();
  const auto left = std::make_shared<std::size_t>(options_.queues.size());
  for (const auto& queue : options_.queues)
    client_.call({"EVAL", scripts::kDelayed, "1", delayed_key(queue)},
                 [all, left, done](const auto* reply) {
                   for (std::size_t i = 0; reply != nullptr && i < reply->size(); ++i) {
                     auto raw = (*reply)[i].text();  // of anybody's: "3|message", if it is ours
                     raw.remove_prefix(std::min<std::size_t>(2, raw.size()));
                     all->emplace_back(raw);
                   }
                   if (--*left == 0) done(std::move(*all));
                 });
}

struct Broker::Delayed {
  std::vector<std::string> ids;
  std::function<void(Batch)> done;
  std::size_t queue = 0;
  std::string cursor = "0";
};

void Broker::take_delayed(const std::vector<std::string>& ids, std::function<void(Batch)> done) {
  const auto asked = std::make_shared<Delayed>();
  asked->ids = ids;
  asked->done = std::move(done);
  take_delayed_part(asked);
}

// Part by part, so that a long list holds Redis up for nobody.
void Broker::take_delayed_part(const std::shared_ptr<Delayed>& asked) {
  if (asked->queue >= options_.queues.size()) return;
  const auto& queue = options_.queues[asked->queue];
  const auto key = delayed_key(queue);
  const auto tag = new_uuid(random_);
  client_.call(
      words({"EVAL", scripts::kTakeDelayed, "3", kUnacked, kIndex, key, asked->cursor, queue, tag},
            asked->ids),
      [this, asked](const auto* reply) {
        if (!heard(reply)) return;
        Batch batch;
        batch.answered = true;
        batch.now = from_millis(number_in((*reply)[1].text()));
        for (std::size_t i = 2; i + 1 < reply->size(); i += 2)
          batch.taken.push_back({std::string((*reply)[i].text()), options_.queues[asked->queue],
                                 std::string((*reply)[i + 1].text())});
        asked->cursor = (*reply)[0].text();
        if (asked->cursor == "0") ++asked->queue;  // all was seen, however much it is
        if (!batch.taken.empty()) asked->done(std::move(batch));
        take_delayed_part(asked);
      });
}

void Broker::remember_revoked(const std::vector<std::string>& ids) {
  client_.call(
      words({"EVAL", scripts::kRevoke, "1", kRevoked, kMostRevokedKept, kRevokedSeconds}, ids),
      [](const auto*) {});
}

void Broker::recall_revoked(std::function<void(std::vector<std::string>)> done) {
  client_.call({"ZRANGE", kRevoked, "0", "-1"}, [done = std::move(done)](const auto* reply) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; reply != nullptr && i < reply->size(); ++i)
      if (const auto id = (*reply)[i].text(); id.size() <= kMaxIdBytes && text::is_utf8(id))
        ids.emplace_back(id);
    done(std::move(ids));
  });
}

}  // namespace indaba::job::celery
