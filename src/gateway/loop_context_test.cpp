#include "gateway/loop_context.hpp"

#include "net/net_fixture.hpp"
#include "stream/hub.hpp"
#include "stream/hub_fixture.hpp"

namespace indaba::gateway {
namespace {

class Listener final : public AccessHolder {
 public:
  void on_access_change(const api::AccessChange& /*change*/) override { ++heard; }
  void on_drain(std::int64_t /*reconnect_after_ms*/) override {}
  int heard = 0;
};

TEST(LoopContext, knows_of_a_change_before_its_readers_hear_of_it) {
  net::LoopThread thread;
  const ManualClock clock;
  stream::MemoryStore store;
  stream::Hub hub(clock);
  LoopContext context(thread.loop, hub.add_loop(thread.loop, store), SocketSettings{});
  Listener reader;
  thread.call([&] {
    context.add(reader);
    EXPECT_FALSE(context.changes_coming());
    context.announce(api::StreamRenamed{StreamId(1)});
    EXPECT_TRUE(context.changes_coming());
    EXPECT_EQ(reader.heard, 0);
  });
  EXPECT_TRUE(net::eventually(thread, [&] { return !context.changes_coming(); }));
  EXPECT_EQ(reader.heard, 1);
  thread.call([&] { context.remove(reader); });
}

}  // namespace
}  // namespace indaba::gateway
