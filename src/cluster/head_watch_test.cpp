#include "cluster/head_watch.hpp"

#include "stream/hub_fixture.hpp"

namespace indaba::cluster {
namespace {

using stream::RecordingReader;
using stream::StreamHead;

constexpr StreamId kStream{1};

// Answers when it is told to.
class ManualHeads final : public stream::HeadSource {
 public:
  void read_heads(std::vector<std::int64_t> streams, OnHeads on_heads) override {
    asked.push_back(std::move(streams));
    waiting_.push_back(std::move(on_heads));
  }
  void answer(Result<std::vector<StreamHead>> heads) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next(std::move(heads));
  }
  void begin_epochs(std::vector<stream::LostEpoch> lost, OnBegun on_begun) override {
    for (const auto& [stream, epoch] : lost) begun += fmt::format("{} {} ", stream.value, epoch);
    beginning = std::move(on_begun);
  }
  std::vector<std::vector<std::int64_t>> asked;
  std::string begun;
  OnBegun beginning;

 private:
  std::deque<OnHeads> waiting_;
};

class HeadWatchTest : public testing::Test {
 protected:
  void pass(Millis time) {
    clock_.advance(time);
    watch_.tick();
  }
  [[nodiscard]] std::size_t looks() const { return heads_.asked.size(); }

  // A look that finds this of the one stream.
  void look(const stream::StreamState& state) {
    pass(HeadWatch::kWithBus);
    heads_.answer(std::vector{StreamHead{kStream, state}});
    executor_.run();
  }
  std::unique_ptr<stream::Subscription> follow(RecordingReader& reader,
                                               const stream::Start& start = {}) {
    auto subscription = local_.subscribe(reader, kStream, "name", true);
    local_.start(*subscription, start);
    store_.answer_all();
    return subscription;
  }

  ManualClock clock_;
  stream::ManualExecutor executor_;
  stream::MemoryStore store_;
  stream::Hub hub_{clock_};
  stream::LocalHub& local_ = hub_.add_loop(executor_, store_);
  ManualHeads heads_;
  bool bus_up_ = true;
  int answered_ = 0;
  Logger log_ = Logger::null();
  HeadWatch watch_{{heads_, hub_, clock_, log_, [this] { return bus_up_; },
                    [this](MonoTime, std::span<const StreamHead>) { ++answered_; }}};
};

TEST_F(HeadWatchTest, a_node_without_readers_and_without_the_bus_burdens_the_database_little) {
  bus_up_ = false;
  pass(Millis(0));
  heads_.answer({});
  pass(HeadWatch::kWithoutBus);
  EXPECT_EQ(looks(), 1U);
  pass(HeadWatch::kIdle - HeadWatch::kWithoutBus);
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, whoever_comes_to_an_idle_node_does_not_wait_for_its_next_look) {
  bus_up_ = false;
  pass(Millis(0));
  heads_.answer({});
  RecordingReader one;
  RecordingReader two;
  auto first = local_.subscribe(one, kStream, "name", true);
  auto second = local_.subscribe(two, StreamId(kStream.value + 1), "other", true);
  pass(HeadWatch::kWithoutBus);
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, it_looks_often_without_the_bus_and_seldom_with_it) {
  for (const auto id : {StreamId(1), StreamId(2)}) hub_.attach(id, 0);
  pass(Millis(0));
  heads_.answer({});
  pass(HeadWatch::kWithoutBus);
  EXPECT_EQ(looks(), 1U);
  bus_up_ = false;
  pass(Millis(0));
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, it_never_asks_twice_at_once) {
  pass(Millis(0));
  watch_.request();
  pass(HeadWatch::kWithBus);
  EXPECT_EQ(looks(), 1U);
  heads_.answer({});
  EXPECT_EQ(answered_, 1);
  pass(HeadWatch::kWithBus);
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, a_request_is_heard_soon_but_not_at_the_cost_of_a_slow_database) {
  pass(Millis(0));
  clock_.advance(Millis(20));
  heads_.answer({});
  watch_.request();
  pass(Millis(100));
  EXPECT_EQ(looks(), 1U) << "a tenth of the time";
  pass(Millis(80));
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, one_answer_that_took_seconds_does_not_blind_the_node_for_a_minute) {
  pass(Millis(0));
  clock_.advance(Millis(5'000));
  heads_.answer({});
  pass(HeadWatch::kWithBus);
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, a_look_that_failed_is_repeated_in_its_time) {
  for (const auto id : {StreamId(1), StreamId(2)}) hub_.attach(id, 0);
  bus_up_ = false;
  pass(Millis(0));
  clock_.advance(Millis(5'000));
  heads_.answer(Error(ErrorKind::unavailable));
  EXPECT_EQ(answered_, 0);
  EXPECT_EQ(watch_.failures(), 1U);
  pass(Millis(0));
  EXPECT_EQ(looks(), 2U);
}

TEST_F(HeadWatchTest, what_another_node_let_expire_is_found_where_nobody_told_of_it) {
  store_.create(kStream);
  RecordingReader reader;
  const auto first = follow(reader);
  look({"e1", Seq(0), Seq(1)});
  for (int i = 0; i < 3; ++i) local_.on_committed(store_.append());
  look({"e1", Seq(3), Seq(1)});
  store_.trim(kStream, Seq(3));
  look({"e1", Seq(3), Seq(3)});
  RecordingReader late;
  const auto second = follow(late, {Seq(0), "e1", 0});
  EXPECT_EQ(late.heard(), "subscribed e1 head 3 since 3, reset expired e1 head 3, live");
}

TEST_F(HeadWatchTest, a_stream_whose_head_went_back_begins_another_epoch_and_its_readers_are_told) {
  store_.create(kStream);
  RecordingReader reader;
  const auto subscription = follow(reader);
  (void)reader.heard();
  look({"e1", Seq(0)});
  for (int i = 0; i < 10; ++i) local_.on_committed(store_.append());
  executor_.run();
  look({"e1", Seq(10)});
  (void)reader.heard();
  EXPECT_EQ(heads_.begun, "");
  look({"e1", Seq(9)});
  EXPECT_EQ(std::exchange(heads_.begun, ""), "1 e1 ");
  // Not twice at once, and again where it came to nothing, also when the head has grown again.
  look({"e1", Seq(12)});
  EXPECT_EQ(heads_.begun, "");
  heads_.beginning(Error(ErrorKind::unavailable));
  look({"e1", Seq(13)});
  EXPECT_EQ(std::exchange(heads_.begun, ""), "1 e1 ");
  heads_.beginning({});
  const auto before = looks();
  pass(HeadWatch::kLeast);
  EXPECT_EQ(looks(), before + 1) << "it is looked at soon";
  heads_.answer(std::vector{StreamHead{kStream, {"e2", Seq(14)}}});
  executor_.run();
  EXPECT_EQ(reader.heard(), "reset epoch_changed e2 head 14");
  look({"e2", Seq(14)});
  EXPECT_EQ(heads_.begun, "");
}

TEST_F(HeadWatchTest, an_event_that_was_heard_of_and_is_not_there_later_proves_the_same) {
  store_.create(kStream);
  RecordingReader reader;
  const auto subscription = follow(reader);
  look({"e1", Seq(0)});
  hub_.on_heard(std::vector{store_.append(), store_.append()});
  look({"e1", Seq(1)});
  EXPECT_EQ(heads_.begun, "1 e1 ");
  heads_.beginning({});
  look({"e2", Seq(1)});
  look({"e2", Seq(1)});
  EXPECT_EQ(heads_.begun, "1 e1 ") << "what was heard of was in the other epoch";
}

TEST_F(HeadWatchTest, what_a_writer_found_lost_counts_also_where_the_head_has_grown_past_it_again) {
  store_.create(kStream);
  RecordingReader reader;
  const auto subscription = follow(reader);
  look({"e1", Seq(0)});
  hub_.on_heard(std::vector{store_.append(), store_.append()});
  hub_.on_taken(kStream, Seq(2));
  look({"e1", Seq(2)});
  EXPECT_EQ(heads_.begun, "");
  hub_.on_taken(kStream, Seq(1));
  look({"e1", Seq(5)});
  EXPECT_EQ(heads_.begun, "1 e1 ");
  heads_.beginning({});
  look({"e2", Seq(5)});
  look({"e2", Seq(5)});
  EXPECT_EQ(heads_.begun, "1 e1 ");
}

TEST_F(HeadWatchTest, an_event_that_overtakes_the_answer_of_a_look_proves_nothing) {
  store_.create(kStream);
  RecordingReader reader;
  const auto subscription = follow(reader);
  look({"e1", Seq(0)});
  pass(HeadWatch::kWithBus);
  hub_.on_heard(std::vector{store_.append()});
  heads_.answer(std::vector{StreamHead{kStream, {"e1", Seq(0)}}});
  executor_.run();
  EXPECT_EQ(heads_.begun, "");
}

}  // namespace
}  // namespace indaba::cluster
