#include "cluster/relay.hpp"

#include "cluster/test_nodes.hpp"
#include "stream/hub_fixture.hpp"

namespace indaba::cluster {
namespace {

using stream::ManualExecutor;
using stream::MemoryStore;
using stream::RecordingReader;
using stream::Subscription;

constexpr StreamId kRelayed{1};
constexpr StreamId kAccess{3};

// A node with one loop, over a log that both share.
struct RelayNode {
  RelayNode(MemoryBroker& broker, std::int64_t id, MemoryStore& store, const Clock& clock,
            Logger& log)
      : node(broker, id, clock, log), hub(clock), relay(hub) {
    hub.add_loop(executor, store);
    relay.connect(node.cluster);
    hub.set_gate(kAccess, [this] { return open; });
    node.cluster.start();
  }
  std::unique_ptr<Subscription> follow(MemoryStore& store, RecordingReader& reader,
                                       StreamId stream = kRelayed) {
    auto subscription = hub.local(0).subscribe(reader, stream, "name", true);
    hub.local(0).start(*subscription, {});
    store.answer_all();
    (void)reader.heard();
    return subscription;
  }

  TestNode node;
  ManualExecutor executor;
  stream::Hub hub;
  Relay relay;
  bool open = true;
};

class RelayTest : public testing::Test {
 protected:
  RelayTest() {
    for (const auto id : {kRelayed, StreamId(2), kAccess}) store_.create(id);
  }
  void run() {
    one_.executor.run();
    two_.executor.run();
  }

  ManualClock clock_;
  Logger log_ = Logger::null();
  MemoryBroker broker_;
  MemoryStore store_;
  RelayNode one_{broker_, 1, store_, clock_, log_};
  RelayNode two_{broker_, 2, store_, clock_, log_};
  RecordingReader here_;
  RecordingReader there_;
};

TEST_F(RelayTest, what_one_node_commits_the_readers_of_both_get_once_and_in_order) {
  const auto first = one_.follow(store_, here_);
  const auto second = two_.follow(store_, there_);
  const std::vector<stream::EventPtr> group{store_.append(kRelayed), store_.append(kRelayed)};
  one_.relay.on_committed(group);
  run();
  EXPECT_EQ(here_.heard(), "1, 2");
  EXPECT_EQ(there_.heard(), "1, 2");
  two_.relay.on_committed(std::vector{store_.append(kRelayed)});
  run();
  EXPECT_EQ(here_.heard(), "3");
  EXPECT_EQ(there_.heard(), "3");
  EXPECT_EQ(store_.asked(), 0U) << "nobody had to read the log";
}

TEST_F(RelayTest, an_event_that_was_lost_on_the_bus_is_read_from_the_log_when_the_next_one_comes) {
  const auto subscription = two_.follow(store_, there_);
  broker_.set_up(false);
  one_.relay.on_committed(std::vector{store_.append(kRelayed)});
  broker_.set_up(true);
  one_.relay.on_committed(std::vector{store_.append(kRelayed)});
  run();
  store_.answer_all();
  EXPECT_EQ(there_.heard(), "1, 2, live");
}

TEST_F(RelayTest, a_node_hears_only_of_shards_in_which_it_follows_a_stream) {
  const auto subscription = two_.follow(store_, there_, StreamId(2));
  one_.relay.on_committed(std::vector{store_.append(kRelayed)});
  EXPECT_EQ(two_.relay.counters().heard, 0U);
  one_.relay.on_committed(std::vector{store_.append(StreamId(2))});
  EXPECT_EQ(two_.relay.counters().heard, 1U);
}

TEST_F(RelayTest, what_is_stale_at_once_comes_too_and_a_sign_leaves_out_whom_it_is_about) {
  there_.whose = UserId(7);
  const auto first = one_.follow(store_, here_);
  const auto second = two_.follow(store_, there_);
  one_.relay.publish_ephemeral(kRelayed, "moved", ",\"x\":1");
  run();
  EXPECT_EQ(here_.heard(), "ephemeral");
  EXPECT_EQ(there_.heard(), "ephemeral");
  one_.relay.publish_sign(kRelayed, "typing", "", UserId(7));
  run();
  EXPECT_EQ(here_.heard(), "ephemeral");
  EXPECT_EQ(there_.heard(), "");
}

TEST_F(RelayTest, a_node_that_may_not_deliver_hears_whose_access_has_ended_nevertheless) {
  const auto subscription = two_.follow(store_, there_, kAccess);
  two_.open = false;
  one_.relay.on_committed(std::vector{store_.append(kRelayed), store_.append(kAccess)});
  run();
  EXPECT_EQ(there_.heard(), "1") << "its database may be away for long, and the bus is there";
  EXPECT_EQ(two_.relay.counters().held_back, 0U) << "nobody there follows the other";
}

TEST_F(RelayTest, a_node_that_may_not_deliver_delivers_nothing_that_it_hears) {
  const auto subscription = two_.follow(store_, there_);
  two_.open = false;
  one_.relay.on_committed(std::vector{store_.append(kRelayed)});
  one_.relay.publish_ephemeral(kRelayed, "moved", "");
  two_.relay.publish_ephemeral(kRelayed, "moved", "");
  run();
  EXPECT_EQ(there_.heard(), "");
  EXPECT_EQ(two_.relay.counters().held_back, 2U);
  two_.open = true;
  two_.hub.on_heads(std::vector{stream::StreamHead{kRelayed, {"e1", Seq(1)}}});
  run();
  store_.answer_all();
  EXPECT_EQ(there_.heard(), "1, live");
}

TEST_F(RelayTest, what_it_commits_itself_is_held_back_too_while_it_may_not_deliver) {
  const auto here = one_.follow(store_, here_);
  const auto there = two_.follow(store_, there_);
  one_.open = false;
  one_.relay.on_committed(std::vector{store_.append(kRelayed)});
  run();
  EXPECT_EQ(here_.heard(), "");
  EXPECT_EQ(there_.heard(), "1");
}

TEST_F(RelayTest, what_was_rewritten_on_one_node_is_read_anew_on_the_other) {
  const auto subscription = two_.follow(store_, there_);
  one_.relay.on_committed(std::vector{store_.append(kRelayed)});
  run();
  EXPECT_EQ(there_.heard(), "1");
  one_.relay.on_rewritten(kRelayed);
  run();
  RecordingReader late;
  const auto other = two_.hub.local(0).subscribe(late, kRelayed, "name", true);
  two_.hub.local(0).start(*other, {Seq(0), "e1", 0});
  EXPECT_EQ(store_.asked(), 1U) << "the tail has it no more";
  store_.answer_all();
}

TEST_F(RelayTest, many_long_events_are_spread_over_messages_that_the_bus_takes) {
  const auto subscription = two_.follow(store_, there_);
  std::vector<stream::EventPtr> group;
  for (int i = 0; i < 40; ++i) {
    const auto placed = store_.append(kRelayed);
    auto long_one = *placed;
    long_one.body = ",\"data\":\"" + std::string(60'000, 'x') + "\"";
    group.push_back(std::make_shared<const stream::Event>(std::move(long_one)));
  }
  one_.relay.on_committed(group);
  EXPECT_EQ(two_.relay.counters().heard, 40U);
  EXPECT_EQ(one_.node.bus.stats().dropped, 0U);
}

TEST_F(RelayTest, what_it_cannot_read_is_counted_and_harms_nobody) {
  const auto subscription = two_.follow(store_, there_);
  for (const std::string_view body : {"\x01", "\x01\xff\xff", "\x63zzz", "\x04"})
    one_.node.cluster.tell_shard(Cluster::shard_of(kRelayed), body);
  run();
  EXPECT_EQ(two_.relay.counters().unreadable, 4U);
  EXPECT_EQ(there_.heard(), "");
}

}  // namespace
}  // namespace indaba::cluster
