#include "net/loop.hpp"

#include "net/net_fixture.hpp"

#include <atomic>
#include <sys/epoll.h>

namespace indaba::net {
namespace {

using namespace std::chrono_literals;

TEST(Loop, what_one_thread_posts_runs_in_its_order_and_all_of_it_on_the_loops_thread) {
  LoopThread thread;
  constexpr int kThreads = 4;
  constexpr int kPosts = 5'000;
  std::array<std::vector<int>, kThreads> seen;
  std::atomic<int> elsewhere = 0;
  std::vector<std::thread> posters;
  for (int t = 0; t < kThreads; ++t)
    posters.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i)
        thread.loop.post([&, t, i] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (!thread.loop.on_this_thread()) ++elsewhere;
        });
    });
  for (auto& poster : posters) poster.join();
  thread.call([] {});
  for (const auto& numbers : seen) {
    ASSERT_EQ(numbers.size(), static_cast<std::size_t>(kPosts));
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  }
  EXPECT_EQ(elsewhere, 0);
  EXPECT_EQ(Executor::current(), nullptr);
}

TEST(Loop, a_post_wakes_a_loop_that_sleeps) {
  LoopThread thread;
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(thread.call([i] { return i; }), i);
}

TEST(Loop, work_that_posts_work_runs_in_the_next_tick) {
  LoopThread thread;
  std::promise<int> done;
  thread.loop.post([&] { thread.loop.post([&] { done.set_value(7); }); });
  EXPECT_EQ(done.get_future().get(), 7);
}

TEST(Loop, run_after_waits_as_long_as_it_was_told) {
  LoopThread thread;
  std::promise<MonoTime> fired;
  const auto from = thread.call([&] {
    thread.loop.run_after(30ms, [&] { fired.set_value(thread.loop.now()); });
    return thread.loop.now();
  });
  EXPECT_GE(fired.get_future().get() - from, 30ms);
}

TEST(Loop, shorter_delays_fire_first) {
  LoopThread thread;
  std::vector<int> order;
  std::promise<void> done;
  thread.call([&] {
    thread.loop.run_after(120ms, [&] {
      order.push_back(3);
      done.set_value();
    });
    thread.loop.run_after(10ms, [&] { order.push_back(1); });
    thread.loop.run_after(60ms, [&] { order.push_back(2); });
  });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(Loop, work_that_never_ran_is_freed_with_the_loop) {
  const auto kept = std::make_shared<int>(1);
  {
    LoopThread thread;
    thread.call([&] { thread.loop.run_after(1h, [kept] {}); });
    EXPECT_EQ(kept.use_count(), 2);
  }
  EXPECT_EQ(kept.use_count(), 1);
}

TEST(Loop, what_was_posted_before_the_stop_still_runs) {
  std::atomic<int> ran = 0;
  {
    LoopThread thread;
    thread.loop.post([&] {
      for (int i = 0; i < 10; ++i) thread.loop.post([&] { ++ran; });
      thread.loop.stop();
    });
  }
  EXPECT_EQ(ran, 10);
}

// Closes another one while both are ready in the same tick.
TEST(Loop, a_handler_may_close_any_connection_also_one_that_is_ready_in_the_same_tick) {
  LoopThread thread;
  auto a = make_pair_on_loopback();
  auto b = make_pair_on_loopback();
  struct Killer final : Protocol {
    Killer(Connection*& other, Record& record) : other_(other), record_(record) {}
    void on_bytes(std::span<char>) override {
      ++record_.timers;  // how many of the two were told
      if (other_ != nullptr) std::exchange(other_, nullptr)->abort();
    }
    void on_closed() override { ++record_.closed; }
    Connection*& other_;
    Record& record_;
  };
  Record record;
  Connection* first = nullptr;
  Connection* second = nullptr;
  thread.call([&] {
    first = &Connection::adopt(thread.loop, a.server, nullptr, "a");
    second = &Connection::adopt(thread.loop, b.server, nullptr, "b");
    first->set_protocol(std::make_unique<Killer>(second, record));
    second->set_protocol(std::make_unique<Killer>(first, record));
    // Both have something to read before the loop looks.
    a.client.send("x");
    b.client.send("x");
    pollfd ready[] = {{a.server, POLLIN, 0}, {b.server, POLLIN, 0}};
    while (::poll(ready, 2, 1'000) < 2) continue;
  });
  EXPECT_TRUE(eventually(thread, [&] { return record.closed == 1; }));
  EXPECT_EQ(thread.call([&] { return record.timers; }), 1)
      << "a connection that is closed hears nothing";
  a.client.close();
  b.client.close();
  EXPECT_TRUE(eventually(thread, [&] { return thread.loop.connections == 0; }));
}

}  // namespace
}  // namespace indaba::net
