#include "net/connection.hpp"

#include "net/net_fixture.hpp"

namespace indaba::net {
namespace {

using namespace std::chrono_literals;

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    connection_ = thread_.call([this] {
      auto& made = Connection::adopt(thread_.loop, sockets_.server, nullptr, "127.0.0.1");
      made.set_protocol(std::make_unique<Recording>(record_));
      return &made;
    });
  }
  ~ConnectionTest() override {
    if (!over()) {
      sockets_.client.reset();
      record_.over.get_future().wait();
    }
  }
  bool over() {
    return thread_.call([this] { return record_.closed > 0; });
  }
  void wait_until_closed() {
    ASSERT_TRUE(eventually(thread_, [this] { return record_.closed > 0; }));
  }

  Record record_;
  SocketPair sockets_ = make_pair_on_loopback();
  LoopThread thread_;
  Connection* connection_ = nullptr;
};

TEST_F(ConnectionTest, what_the_peer_sends_reaches_the_protocol) {
  sockets_.client.send("hello");
  EXPECT_TRUE(eventually(thread_, [&] { return record_.received == "hello"; }));
}

TEST_F(ConnectionTest, everything_arrives_in_order_through_a_socket_that_takes_a_little_at_a_time) {
  const auto all = pattern(3'000'000);
  thread_.call([&] {
    for (std::size_t at = 0; at < all.size(); at += 1'499)
      connection_->send(Frame::of(std::string_view(all).substr(at, 1'499)));
    EXPECT_EQ(connection_->queued(), all.size());
  });
  EXPECT_EQ(sockets_.client.read(all.size()), all);
  EXPECT_TRUE(eventually(thread_, [&] { return record_.drained == 1; }));
  EXPECT_EQ(thread_.call([&] { return connection_->queued(); }), 0U);
}

TEST_F(ConnectionTest, closing_after_the_flush_delivers_all_and_then_ends_in_order) {
  const auto all = pattern(1'000'000);
  thread_.call([&] {
    connection_->send(Frame::of(all));
    connection_->close_after_flush();
    connection_->send(Frame::of("too late"));
  });
  EXPECT_EQ(sockets_.client.read_to_end(), all);
  sockets_.client.close();
  wait_until_closed();
}

TEST_F(ConnectionTest, a_peer_that_goes_on_sending_does_not_tear_away_the_last_answer) {
  const auto all = pattern(100'000);
  sockets_.client.send(std::string(50'000, 'x'));
  thread_.call([&] {
    connection_->pause_reading();
    connection_->send(Frame::of(all));
    connection_->close_after_flush();
  });
  sockets_.client.send("more");
  EXPECT_EQ(sockets_.client.read(all.size()), all);
  EXPECT_EQ(sockets_.client.read_end(), 0);
  sockets_.client.close();
  wait_until_closed();
}

TEST_F(ConnectionTest, a_peer_that_has_said_all_still_gets_the_whole_answer) {
  const auto all = pattern(1'000'000);
  thread_.call([&] {
    connection_->send(Frame::of(all));
    connection_->close_after_flush();
  });
  sockets_.client.finish();  // as `nc -N` does after its request
  EXPECT_EQ(sockets_.client.read(all.size()), all);
  EXPECT_EQ(sockets_.client.read_end(), 0);
  wait_until_closed();
}

TEST_F(ConnectionTest,
       a_peer_that_has_said_all_gets_the_whole_answer_also_where_reading_was_paused) {
  const auto all = pattern(1'000'000);
  sockets_.client.send("request");
  ASSERT_TRUE(eventually(thread_, [&] { return record_.received == "request"; }));
  thread_.call([&] {
    connection_->pause_reading();
    connection_->send(Frame::of(all));
    connection_->close_after_flush();
  });
  sockets_.client.finish();
  EXPECT_EQ(sockets_.client.read(all.size()), all);
  EXPECT_EQ(sockets_.client.read_end(), 0);
  wait_until_closed();
}

TEST_F(ConnectionTest, patience_with_a_peer_that_reads_nothing_ends) {
  thread_.call([&] {
    connection_->send(Frame::of(pattern(5'000'000)));
    connection_->close_after_flush(50ms);
  });
  wait_until_closed();
  EXPECT_EQ(thread_.call([&] { return thread_.loop.connections.load(); }), 0);
}

TEST_F(ConnectionTest, abort_closes_at_once_and_says_so_once) {
  thread_.call([&] {
    connection_->send(Frame::of(pattern(5'000'000)));
    connection_->abort();
    EXPECT_TRUE(connection_->closed());
    connection_->abort();
    connection_->send(Frame::of("x"));
    connection_->close_after_flush();
  });
  EXPECT_EQ(record_.closed, 1);
  EXPECT_LT(sockets_.client.read_to_end().size(), 5'000'000U);
}

TEST_F(ConnectionTest, a_peer_that_leaves_closes_it) {
  sockets_.client.close();
  wait_until_closed();
}

TEST_F(ConnectionTest, a_peer_that_resets_closes_it_also_while_reading_is_paused) {
  thread_.call([&] { connection_->pause_reading(); });
  sockets_.client.reset();
  wait_until_closed();
}

TEST_F(ConnectionTest, while_reading_is_paused_nothing_comes_and_then_everything_does) {
  const auto all = pattern(20'000);
  thread_.call([&] { connection_->pause_reading(); });
  sockets_.client.send(std::string_view(all).substr(0, 2'000));
  thread_.call([] {});
  thread_.call([&] {
    EXPECT_EQ(record_.received, "");
    connection_->resume_reading();
  });
  sockets_.client.send(std::string_view(all).substr(2'000));
  EXPECT_TRUE(eventually(thread_, [&] { return record_.received == all; }));
}

TEST_F(ConnectionTest, a_stalled_reader_shows_in_the_queue_and_in_the_time_of_progress) {
  thread_.call([&] { connection_->send(Frame::of(pattern(5'000'000))); });
  const auto look = [&] {
    return thread_.call(
        [&] { return std::pair(connection_->queued(), connection_->last_progress()); });
  };
  auto stuck = look();
  for (std::size_t before = 0; before != stuck.first;
       stuck = look()) {  // until the kernel has its fill
    before = stuck.first;
    std::this_thread::sleep_for(30ms);
  }
  EXPECT_GT(stuck.first, 0U);
  EXPECT_EQ(look(), stuck);
  (void)sockets_.client.read(1'000'000);
  EXPECT_TRUE(eventually(thread_, [&] { return connection_->last_progress() > stuck.second; }));
}

TEST_F(ConnectionTest, what_waits_for_a_peer_that_does_not_read_is_in_the_loops_sum) {
  const auto sum = [&] { return std::uint64_t{thread_.loop.waiting_bytes}; };
  thread_.call([&] { connection_->send(Frame::of("taken at once")); });
  EXPECT_EQ(sockets_.client.read(13), "taken at once");
  EXPECT_EQ(thread_.call(sum), 0U);
  const auto all = pattern(1'000'000);
  thread_.call([&] { connection_->send(Frame::of(all)); });
  ASSERT_TRUE(eventually(thread_, [&] { return sum() > 0; }));
  thread_.call([&] {
    EXPECT_EQ(sum(), connection_->queued());
    connection_->send(Frame::of("more"));
    EXPECT_EQ(sum(), connection_->queued());
  });
  EXPECT_EQ(sockets_.client.read(all.size() + 4), all + "more");
  EXPECT_TRUE(eventually(thread_, [&] { return sum() == 0; }));
  thread_.call([&] { connection_->send(Frame::of(all)); });
  ASSERT_TRUE(eventually(thread_, [&] { return sum() > 0; }));
  thread_.call([&] { connection_->abort(); });
  EXPECT_EQ(thread_.call(sum), 0U);
}

TEST_F(ConnectionTest, discarding_never_cuts_a_frame_in_two) {
  const auto large = pattern(3'000'000);
  thread_.call([&] {
    connection_->send(Frame::of(large));
    connection_->send(Frame::of("dropped"));
  });
  ASSERT_TRUE(eventually(thread_, [&] { return connection_->queued() < large.size(); }));
  thread_.call([&] {
    connection_->discard_unsent();
    connection_->send(Frame::of("goodbye"));
    connection_->close_after_flush();
  });
  EXPECT_EQ(sockets_.client.read_to_end(), large + "goodbye");
}

TEST_F(ConnectionTest, its_timer_fires_moves_and_stops) {
  thread_.call([&] { connection_->arm_timer(1h); });
  thread_.call([&] { connection_->arm_timer(5ms); });
  EXPECT_TRUE(eventually(thread_, [&] { return record_.timers == 1; }));
  thread_.call([&] {
    connection_->arm_timer(5ms);
    connection_->disarm_timer();
  });
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(thread_.call([&] { return record_.timers; }), 1);
}

TEST_F(ConnectionTest, a_protocol_may_hand_over_to_another_from_inside_its_own_call) {
  struct First final : Protocol {
    First(Connection& connection, Record& record) : connection_(connection), record_(record) {}
    void on_bytes(std::span<char> bytes) override {
      connection_.set_protocol(std::make_unique<Recording>(record_));
      connection_.deliver(bytes.subspan(1));
      mine_ = 'x';  // still alive
    }
    Connection& connection_;
    Record& record_;
    char mine_ = 0;
  };
  thread_.call([&] { connection_->set_protocol(std::make_unique<First>(*connection_, record_)); });
  sockets_.client.send("abc");
  EXPECT_TRUE(eventually(thread_, [&] { return record_.received == "bc"; }));
}

}  // namespace
}  // namespace indaba::net
