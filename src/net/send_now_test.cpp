// Connection::send_now(), by system calls and by a ring: both must do the same.
#include "net/net_fixture.hpp"

#include <deque>

namespace indaba::net {
namespace {

class SendNow : public testing::TestWithParam<Loop::Sending> {
 protected:
  struct End {
    Record record;
    SocketPair sockets = make_pair_on_loopback();
    Connection* connection = nullptr;
  };

  void SetUp() override {
    thread_.call([] {});  // the loop runs
    if (GetParam() == Loop::Sending::ring && !thread_.loop.has_ring())
      GTEST_SKIP() << "this kernel has no io_uring, or forbids it";
  }
  ~SendNow() override {
    for (auto& end : ends_) {
      end->sockets.client.reset();
      EXPECT_TRUE(eventually(thread_, [&] { return end->record.closed == 1; }));
    }
  }
  End& open() {
    auto& end = *ends_.emplace_back(std::make_unique<End>());
    thread_.call([&] {
      end.connection = &Connection::adopt(thread_.loop, end.sockets.server, nullptr, "127.0.0.1");
      end.connection->set_protocol(std::make_unique<Recording>(end.record));
    });
    return end;
  }
  // Where deliveries happen: behind all else of a tick, before its flush.
  template <class F>
  void at_tick_end(F work) {
    thread_.call([&] { thread_.loop.at_tick_end([&] { work(); }); });
    thread_.call([] {});
  }

  LoopThread thread_{0, GetParam()};
  std::deque<std::unique_ptr<End>> ends_;
};

TEST_P(SendNow, reaches_more_connections_than_one_system_call_takes) {
  for (int i = 0; i < 300; ++i) open();
  const auto frame = Frame::of("to all of you");
  at_tick_end([&] {
    for (const auto& end : ends_) end->connection->send_now(frame);
  });
  for (const auto& end : ends_) EXPECT_EQ(end->sockets.client.read(13), "to all of you");
}

TEST_P(SendNow, keeps_the_order_with_what_is_queued) {
  auto& end = open();
  thread_.call([&] {
    end.connection->send(Frame::of("a"));
    thread_.loop.at_tick_end([&] {
      end.connection->send_now(Frame::of("b"));
      end.connection->send_now(Frame::of("c"));
      end.connection->send(Frame::of("d"));
    });
  });
  at_tick_end([&] {
    end.connection->send_now(Frame::of("e"));
    end.connection->send_now(Frame::of("f"));
    end.connection->send(Frame::of("g"));
  });
  EXPECT_EQ(end.sockets.client.read(7), "abcdefg");
}

TEST_P(SendNow, what_the_kernel_takes_in_part_arrives_whole_and_in_order) {
  auto& end = open();
  const auto all = pattern(2'000'000);
  std::size_t at = 0;
  std::thread reader([&] { EXPECT_EQ(end.sockets.client.read(all.size()), all); });
  while (at < all.size()) {
    at_tick_end([&] {
      for (int i = 0; i < 3; ++i, at += std::min<std::size_t>(9'973, all.size() - at))
        end.connection->send_now(Frame::of(std::string_view(all).substr(at, 9'973)));
    });
  }
  reader.join();
  EXPECT_TRUE(eventually(thread_, [&] { return end.connection->queued() == 0; }));
}

TEST_P(SendNow, a_connection_that_ends_at_once_leaves_nothing_for_the_next_one_of_its_number) {
  auto& first = open();
  auto second = make_pair_on_loopback();
  const int number = first.sockets.server;
  at_tick_end([&] {
    first.connection->send_now(Frame::of("for the first"));
    first.connection->abort();
    ASSERT_EQ(::dup2(second.server, number), number);
  });
  EXPECT_EQ(first.sockets.client.read(13), "for the first");
  ::close(number);
  ::close(second.server);
  EXPECT_EQ(second.client.read_to_end(), "");
}

TEST_P(SendNow, a_peer_that_is_gone_is_found_by_the_flush) {
  auto& end = open();
  end.sockets.client.reset();
  at_tick_end([&] {
    if (!end.connection->closed()) end.connection->send_now(Frame::of("anyone?"));
  });
  EXPECT_TRUE(eventually(thread_, [&] { return end.record.closed == 1; }));
}

INSTANTIATE_TEST_SUITE_P(Sending, SendNow,
                         testing::Values(Loop::Sending::calls, Loop::Sending::ring),
                         [](const auto& sending) {
                           return sending.param == Loop::Sending::calls ? "by_calls" : "by_a_ring";
                         });

}  // namespace
}  // namespace indaba::net
