#include "net/listener.hpp"

#include "net/net_fixture.hpp"

#include <mutex>
#include <sys/resource.h>

namespace indaba::net {
namespace {

TEST(Endpoint, is_read_from_host_and_port) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:8080")->host, "127.0.0.1");
  EXPECT_EQ(parse_endpoint("127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(parse_endpoint("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_endpoint(":0")->host, "");
  for (const auto* wrong :
       {"", "8080", "host", "host:", "host:x", "host:80x", "host:65536", "host:-1"})
    EXPECT_FALSE(parse_endpoint(wrong)) << wrong;
}

TEST(ListeningSocket, names_the_next_free_port_where_one_is_taken) {
  const auto first = ListeningSocket::open({"127.0.0.1", 0});
  ASSERT_TRUE(first);
  const auto second = ListeningSocket::open({"127.0.0.1", first->port()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(second.error().code, "port_taken");
  const auto& text = second.error().detail;
  EXPECT_NE(text.find("port " + std::to_string(first->port()) + " is taken"), std::string::npos)
      << text;
  const auto hint = text.find("--listen 127.0.0.1:");
  ASSERT_NE(hint, std::string::npos) << text;
  const auto next = parse_endpoint(text.substr(text.find("127.0.0.1:", hint)));
  ASSERT_TRUE(next);
  EXPECT_TRUE(ListeningSocket::open(*next)) << "the port that it names is free";
}

TEST(ListeningSocket, says_which_host_it_does_not_know) {
  const auto failed = ListeningSocket::open({"no.such.host.invalid", 80});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::invalid);
  EXPECT_NE(failed.error().detail.find("no.such.host.invalid"), std::string::npos);
}

class ListenerTest : public testing::Test {
 protected:
  void start() {
    auto socket = ListeningSocket::open({"127.0.0.1", 0});
    port_ = socket->port();
    // The order of the loops is not that of their numbers.
    listener_ = std::make_unique<Listener>(
        first_.loop, std::vector{&second_.loop, &first_.loop}, std::move(*socket),
        Listener::Options{},
        [this](Connection& connection) {
          const std::scoped_lock lock(mutex_);
          on_own_loop_ &= connection.loop().on_this_thread();
          peers_.push_back(connection.peer_address());
        },
        log_);
    first_.call([this] { listener_->start(); });
  }
  ~ListenerTest() override {
    if (listener_) first_.call([this] { listener_->stop(); });
    for (auto* thread : {&first_, &second_})
      EXPECT_TRUE(eventually(*thread, [&] { return thread->loop.connections == 0; }));
  }
  bool wait_for(std::size_t count) {
    return eventually(first_, [&] {
      const std::scoped_lock lock(mutex_);
      return peers_.size() == count;
    });
  }

  Logger log_ = Logger::null();
  std::mutex mutex_;
  std::vector<std::string> peers_;
  bool on_own_loop_ = true;
  std::uint16_t port_ = 0;
  LoopThread first_{0};
  LoopThread second_{1};
  std::unique_ptr<Listener> listener_;
};

TEST_F(ListenerTest, a_new_connection_goes_to_the_loop_with_the_fewest) {
  start();
  std::vector<ClientSocket> clients;
  for (std::size_t i = 1; i <= 20; ++i) {
    clients.push_back(ClientSocket::connect(port_));
    ASSERT_TRUE(wait_for(i));
  }
  EXPECT_EQ(first_.loop.connections, 10);
  EXPECT_EQ(second_.loop.connections, 10);
  EXPECT_TRUE(on_own_loop_);
  EXPECT_EQ(peers_[0], "127.0.0.1");
}

TEST_F(ListenerTest, after_the_stop_nobody_new_is_taken_and_the_others_stay) {
  start();
  const auto client = ClientSocket::connect(port_);
  ASSERT_TRUE(wait_for(1));
  first_.call([this] { listener_->stop(); });
  const int late = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_NE(::connect(late, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(late);
  EXPECT_EQ(first_.loop.connections + second_.loop.connections, 1);
}

TEST_F(ListenerTest, without_a_free_descriptor_it_waits_and_takes_the_connection_later) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer opens a pipe whenever it looks at memory, and there is none left";
#endif
  start();
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const auto client = ClientSocket::connect(port_);
  ASSERT_TRUE(wait_for(1));
  const int next = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const rlimit none_left{static_cast<rlim_t>(next) + 1, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none_left);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(next, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  first_.call([] {});
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(wait_for(2));
  ::close(next);
}

}  // namespace
}  // namespace indaba::net
