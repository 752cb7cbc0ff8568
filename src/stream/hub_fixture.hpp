// For tests of the hub: an executor that runs when it is told to, a log in memory that answers when
// it is told to, and a reader that writes down what happens to it.
#pragma once

#include "stream/local_hub.hpp"

#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace indaba::stream {

class ManualExecutor final : public Executor {
 public:
  void post(Work work) override { posted_.push_back(std::move(work)); }
  void run_after(Millis delay, Work work) override {
    timers_.emplace(now_ + delay, std::move(work));
  }
  [[nodiscard]] MonoTime now() const override { return now_; }

  void run() {
    auto* before = current();
    set_current(this);
    while (!posted_.empty()) {
      auto work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
    set_current(before);
  }
  void advance(Millis by) {
    now_ += by;
    while (!timers_.empty() && timers_.begin()->first <= now_)
      posted_.push_back(std::move(timers_.extract(timers_.begin()).mapped()));
    run();
  }

 private:
  MonoTime now_{Millis(1'000'000)};
  std::deque<Work> posted_;
  std::multimap<MonoTime, Work> timers_;
};

// Asks wait in a queue until the test answers them; what an answer sees is decided at that moment,
// or earlier with look().
class MemoryStore final : public Store {
 public:
  void read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) override {
    asks_.push_back({stream, after, limit, std::move(on_page), {}});
  }
  void read_newest(StreamId, PageLimit, OnPage) override { FAIL() << "the hub reads forwards"; }

  EventPtr append(StreamId stream = StreamId(1)) {
    auto& log = logs_.at(stream);
    log.state.head = log.state.head.next();
    log.events.push_back(
        std::make_shared<const Event>(Event{stream, log.state.head, WallTime(Millis(0)), "note",
                                            ",\"n\":" + std::to_string(log.state.head.value)}));
    return log.events.back();
  }
  // The newest event, as it was really written.
  EventPtr replace(StreamId stream, Event event) {
    return logs_.at(stream).events.back() = std::make_shared<const Event>(std::move(event));
  }
  void create(StreamId stream, std::string epoch = "e1") {
    logs_[stream].state.epoch = std::move(epoch);
  }
  void remove(StreamId stream) { logs_.erase(stream); }
  void trim(StreamId stream, Seq oldest) { logs_.at(stream).state.oldest = oldest; }

  [[nodiscard]] std::size_t asked() const noexcept { return asks_.size(); }
  [[nodiscard]] Seq asked_after() const { return asks_.front().after; }
  // The oldest ask takes its snapshot now, and is answered later.
  void look() { asks_.front().seen = snapshot(asks_.front()); }
  void answer() {
    auto ask = std::move(asks_.front());
    asks_.pop_front();
    ask.on_page(ask.seen ? *std::move(ask.seen) : snapshot(ask));
  }
  // The oldest ask will be answered last.
  void rotate() {
    asks_.push_back(std::move(asks_.front()));
    asks_.pop_front();
  }
  void answer_all() {
    while (!asks_.empty()) answer();
  }
  void fail(ErrorKind kind = ErrorKind::unavailable) {
    auto ask = std::move(asks_.front());
    asks_.pop_front();
    ask.on_page(Error(kind));
  }

  std::size_t page_size = 1000;

 private:
  struct Log {
    StreamState state;
    std::vector<EventPtr> events;
  };
  struct Ask {
    StreamId stream;
    Seq after;
    PageLimit limit;
    OnPage on_page;
    std::optional<Result<Page>> seen;
  };
  [[nodiscard]] Result<Page> snapshot(const Ask& ask) const {
    const auto found = logs_.find(ask.stream);
    if (found == logs_.end()) return Error(ErrorKind::not_found);
    const auto& log = found->second;
    Page page{log.state, {}};
    const auto most = std::min(ask.limit.events, page_size);
    for (auto seq = std::max(ask.after.next(), log.state.oldest);
         seq <= log.state.head && page.events.size() < most; seq = seq.next())
      page.events.push_back(log.events[static_cast<std::size_t>(seq.value - 1)]);
    return page;
  }

  std::map<StreamId, Log> logs_;
  std::deque<Ask> asks_;
};

class RecordingReader final : public Reader {
 public:
  [[nodiscard]] bool can_take() const override { return room > 0; }
  void on_subscribed(Subscription&, const StreamState& state, Seq since) override {
    say(fmt::format("subscribed {} head {} since {}", state.epoch, state.head.value, since.value));
  }
  void on_reset(Subscription&, ResetReason reason, const StreamState& state) override {
    say(fmt::format("reset {} {} head {}", to_string(reason), state.epoch, state.head.value));
  }
  void on_event(Subscription& subscription, Rendering& event) override {
    --room;
    if (event.event().seq == Seq{}) return say("ephemeral");
    EXPECT_EQ(event.event().body, ",\"n\":" + std::to_string(event.event().seq.value));
    EXPECT_EQ(subscription.position(), event.event().seq);
    say(std::to_string(event.event().seq.value));
  }
  [[nodiscard]] bool takes_batches() const override { return batches; }
  void on_batch(Subscription& subscription, Batch& batch) override {
    std::string all;
    for (const auto& event : batch.events()) {
      --room;
      const Seq seq = event->event().seq;
      all += (all.empty() ? "" : ", ") + (seq == Seq{} ? "ephemeral" : std::to_string(seq.value));
    }
    EXPECT_TRUE(batch.last() == Seq{} || subscription.position() == batch.last());
    say("[" + all + "]");
  }
  void on_live(Subscription&) override { say("live"); }
  void on_gone(Subscription&) override { say("gone"); }

  // What happened since the last call.
  std::string heard() { return std::exchange(heard_, {}); }

  [[nodiscard]] UserId user() const noexcept override { return whose; }

  UserId whose;
  int room = 1'000'000;
  bool batches = false;

 private:
  void say(const std::string& what) { heard_ += heard_.empty() ? what : ", " + what; }
  std::string heard_;
};

class Attached final : public Attachments {
 public:
  void attach(StreamId stream, int local) override {
    EXPECT_TRUE(streams.emplace(stream, local).second);
  }
  void detach(StreamId stream, int) override { EXPECT_EQ(streams.erase(stream), 1U); }
  std::optional<Seq> settled_head(StreamId) override { return settled; }
  std::map<StreamId, int> streams;
  std::optional<Seq> settled;
};

}  // namespace indaba::stream
