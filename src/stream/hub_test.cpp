#include "stream/hub.hpp"

#include "stream/hub_fixture.hpp"

namespace indaba::stream {
namespace {

class HubTest : public testing::Test {
 protected:
  HubTest() {
    for (const auto id : {StreamId(1), StreamId(2)}) store_.create(id);
    for (auto& executor : executors_) hub_.add_loop(executor, store_);
  }
  std::unique_ptr<Subscription> follow(std::size_t loop, RecordingReader& reader, StreamId stream) {
    auto subscription = hub_.local(loop).subscribe(reader, stream, "name", true);
    hub_.local(loop).start(*subscription, {});
    store_.answer_all();
    (void)reader.heard();
    return subscription;
  }
  void run_all() {
    for (auto& executor : executors_) executor.run();
  }

  ManualClock clock_;
  MemoryStore store_;
  std::array<ManualExecutor, 3> executors_;
  Hub hub_{clock_};
};

TEST_F(HubTest, each_loop_hears_in_order_what_its_readers_follow_and_nothing_else) {
  RecordingReader a;
  RecordingReader b;
  RecordingReader c;
  const auto first = follow(0, a, StreamId(1));
  const auto second = follow(1, b, StreamId(2));
  const auto third = follow(2, c, StreamId(1));
  const std::vector<EventPtr> group{store_.append(StreamId(1)), store_.append(StreamId(2)),
                                    store_.append(StreamId(1))};
  hub_.on_committed(group);
  EXPECT_EQ(a.heard(), "") << "a loop's readers are touched on that loop only";
  run_all();
  EXPECT_EQ(a.heard(), "1, 2");
  EXPECT_EQ(b.heard(), "1");
  EXPECT_EQ(c.heard(), "1, 2");
}

TEST_F(HubTest, a_stream_that_another_node_deleted_ends_for_its_readers_by_its_head_alone) {
  RecordingReader here;
  RecordingReader other;
  const auto first = follow(0, here, StreamId(1));
  const auto second = follow(1, other, StreamId(2));
  hub_.on_heads(std::vector{StreamHead{.stream = StreamId(1), .gone = true},
                            StreamHead{.stream = StreamId(2), .state = {"e1", Seq(0)}}});
  run_all();
  EXPECT_EQ(here.heard(), "gone");
  EXPECT_EQ(other.heard(), "");
}

TEST_F(HubTest, a_head_is_settled_where_this_process_alone_writes) {
  RecordingReader reader;
  const auto first = follow(0, reader, StreamId(1));
  hub_.on_settled(StreamId(1), Seq(7));
  EXPECT_EQ(hub_.settled_head(StreamId(1)), std::nullopt) << "others may have written more";
  hub_.trust_settled_heads();
  hub_.on_settled(StreamId(1), Seq(8));
  hub_.on_settled(StreamId(2), Seq(5));
  EXPECT_EQ(hub_.settled_head(StreamId(1)), Seq(8));
  EXPECT_EQ(hub_.settled_head(StreamId(2)), std::nullopt) << "nobody follows it";
}

TEST_F(HubTest, a_stream_that_nobody_follows_any_more_costs_no_loop_anything) {
  RecordingReader reader;
  auto subscription = follow(0, reader, StreamId(1));
  subscription.reset();
  executors_[0].advance(LocalHub::kLinger + Millis(1));
  hub_.local(0).sweep();
  hub_.on_committed(std::vector{store_.append(StreamId(1))});
  hub_.on_trimmed(StreamId(1), Seq(2));
  hub_.on_closed(StreamId(1));
  run_all();
  EXPECT_EQ(reader.heard(), "");
  EXPECT_EQ(hub_.local(0).streams(), 0U);
}

TEST_F(HubTest, ephemeral_events_and_endings_reach_every_loop_that_follows) {
  RecordingReader a;
  RecordingReader b;
  const auto first = follow(0, a, StreamId(1));
  const auto second = follow(2, b, StreamId(1));
  hub_.publish_ephemeral(StreamId(1), "typing", "");
  hub_.publish_ephemeral(StreamId(2), "typing", "");
  hub_.on_closed(StreamId(1));
  run_all();
  EXPECT_EQ(a.heard(), "ephemeral, gone");
  EXPECT_EQ(b.heard(), "ephemeral, gone");
}

TEST_F(HubTest, a_sign_passes_over_all_readers_of_the_person_that_it_is_about) {
  RecordingReader own;
  RecordingReader own_elsewhere;
  RecordingReader other;
  RecordingReader slow;
  own.whose = own_elsewhere.whose = UserId(7);
  other.whose = UserId(8);
  other.batches = true;
  slow.room = 1;
  const auto first = follow(0, own, StreamId(1));
  const auto second = follow(1, own_elsewhere, StreamId(1));
  const auto third = follow(0, other, StreamId(1));
  const auto fourth = follow(0, slow, StreamId(1));
  hub_.on_committed(std::vector{store_.append(StreamId(1))});
  hub_.publish_sign(StreamId(1), "typing", "", UserId(7));
  hub_.publish_sign(StreamId(1), "presence", "", {});
  hub_.on_committed(std::vector{store_.append(StreamId(1))});
  run_all();
  EXPECT_EQ(own.heard(), "1, ephemeral, 2");
  EXPECT_EQ(own_elsewhere.heard(), "1, ephemeral, 2");
  EXPECT_EQ(other.heard(), "[1], ephemeral, [ephemeral, 2]");
  EXPECT_EQ(slow.heard(), "1") << "what a reader that is behind misses, it never gets";
  slow.room = 10;
  hub_.local(0).resume(*fourth);
  EXPECT_EQ(slow.heard(), "2, live");
}

}  // namespace
}  // namespace indaba::stream
