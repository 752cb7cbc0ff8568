#include "http/server.hpp"

#include "net/net_fixture.hpp"

#include <atomic>
#include <gmock/gmock.h>

namespace indaba::http {
namespace {

using net::ClientSocket;
using net::Connection;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::size_t kPiece = std::size_t{128} << 10U;

// A server whose every answer is a body in pieces.
class PiecesTest : public testing::Test {
 protected:
  struct Source {
    std::vector<Result<std::string>> pieces;
    std::uint64_t length = 0;
    std::atomic<int> asked{0};
    std::atomic<int> asleep{0};
    std::shared_ptr<int> kept;  // goes with the first answer
  };

  PiecesTest()
      : server_{settings_, clock_,
                [this](Request request) { return answer(&source_, std::move(request)); },
                [](int status, std::string_view) {
                  Response response;
                  response.status = status;
                  return response;
                }} {
    connect();
  }
  // A piece that is under way is let come.
  void TearDown() override {
    EXPECT_TRUE(net::eventually(thread_, [this] { return source_.asleep == 0; }));
  }
  void connect() {
    auto pair = net::make_pair_on_loopback();
    client_.emplace(std::move(pair.client));
    thread_.call([this, fd = pair.server] {
      auto& connection = Connection::adopt(thread_.loop, fd, nullptr, "127.0.0.1");
      connection.set_protocol(std::make_unique<HttpProtocol>(connection, server_));
    });
  }
  static Task<Result<std::string>> piece(Source* source, std::size_t index) {
    ++source->asleep;
    co_await sleep_for{Millis(1)};
    --source->asleep;
    co_return source->pieces.at(index);
  }
  static Task<Response> answer(Source* source, Request) {
    Response response;
    response.pieces.emplace();
    response.pieces->length = source->length;
    response.pieces->next = [source] {
      return piece(source, static_cast<std::size_t>(source->asked++));
    };
    if (auto kept = std::exchange(source->kept, nullptr))
      response.pieces->next = [kept = std::move(kept),
                               next = std::move(response.pieces->next)]() mutable {
        return next();
      };
    co_return response;
  }
  void give(int pieces) {
    for (int i = 0; i < pieces; ++i)
      source_.pieces.emplace_back(std::string(kPiece, char('a' + i)));
    source_.length = static_cast<std::uint64_t>(pieces) * kPiece;
  }
  void ask(std::string_view method = "GET") const {
    client_->send(std::string(method) + " / HTTP/1.1\r\nhost: x\r\n\r\n");
  }
  [[nodiscard]] std::string head() const {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const auto byte = client_->read(1);
      if (byte.empty()) break;
      head += byte;
    }
    return head;
  }

  SystemClock clock_;
  ServerSettings settings_;
  Source source_;
  Server server_;
  std::optional<ClientSocket> client_{};
  net::LoopThread thread_;
};

TEST_F(PiecesTest, all_pieces_come_in_order_and_the_connection_goes_on) {
  give(5);
  for (int again = 0; again < 2; ++again) {
    source_.asked = 0;
    ask();
    EXPECT_THAT(head(), HasSubstr("content-length: 655360\r\n"));
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(client_->read(kPiece), std::string(kPiece, char('a' + i)));
    EXPECT_EQ(source_.asked, 5);
  }
}

TEST_F(PiecesTest, the_next_one_is_asked_for_when_the_last_one_is_sent) {
  give(20);
  ask();
  EXPECT_THAT(head(), StartsWith("HTTP/1.1 200"));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_LT(source_.asked, 4);  // the kernel's buffers hold less than that
  EXPECT_EQ(client_->read(20 * kPiece).size(), 20 * kPiece);
}

TEST_F(PiecesTest, head_is_told_the_length_and_asks_for_nothing) {
  give(3);
  ask("HEAD");
  EXPECT_THAT(head(), HasSubstr("content-length: 393216\r\n"));
  EXPECT_EQ(source_.asked, 0);
  ask();
  EXPECT_THAT(head(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(client_->read(3 * kPiece).size(), 3 * kPiece);
}

TEST_F(PiecesTest, what_comes_behind_the_request_is_answered_behind_the_last_piece) {
  give(2);
  client_->send("GET / HTTP/1.1\r\nhost: x\r\n\r\nHEAD / HTTP/1.1\r\nhost: x\r\n\r\n");
  EXPECT_THAT(head(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(client_->read(2 * kPiece).size(), 2 * kPiece);
  EXPECT_THAT(head(), StartsWith("HTTP/1.1 200"));
}

TEST_F(PiecesTest, a_body_that_ends_too_soon_ends_the_connection) {
  give(2);
  for (const auto& last :
       {Result<std::string>(std::string()), Result<std::string>(Error::internal("gone")),
        Result<std::string>(std::string(kPiece + 1, 'x'))}) {
    source_.pieces[1] = last;
    source_.asked = 0;
    ask();
    EXPECT_THAT(head(), StartsWith("HTTP/1.1 200"));
    EXPECT_LE(client_->read(2 * kPiece).size(), kPiece);
    EXPECT_LE(client_->read_end(), 0);
    connect();
  }
}

TEST_F(PiecesTest, what_gives_them_is_kept_until_the_last_one_is_sent) {
  give(20);
  source_.kept = std::make_shared<int>();
  const std::weak_ptr<int> kept = source_.kept;
  ask();
  EXPECT_THAT(head(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(client_->read(19 * kPiece).size(), 19 * kPiece);
  EXPECT_TRUE(net::eventually(thread_, [this] { return source_.asked == 20; }));
  EXPECT_FALSE(kept.expired());  // the last one is larger than the kernel's buffers
  EXPECT_EQ(client_->read(kPiece).size(), kPiece);
  EXPECT_TRUE(net::eventually(thread_, [&] { return kept.expired(); }));
}

TEST_F(PiecesTest, what_gives_them_goes_with_the_connection) {
  give(20);
  source_.kept = std::make_shared<int>();
  const std::weak_ptr<int> kept = source_.kept;
  ask();
  EXPECT_THAT(head(), StartsWith("HTTP/1.1 200"));
  client_->reset();
  EXPECT_TRUE(net::eventually(thread_, [&] { return kept.expired(); }));
}

TEST_F(PiecesTest, a_reader_that_goes_meanwhile_stops_it) {
  give(20);
  ask();
  EXPECT_THAT(head(), StartsWith("HTTP/1.1 200"));
  client_->reset();
  EXPECT_TRUE(net::eventually(thread_, [this] { return thread_.loop.connections.load() == 0; }));
  EXPECT_LT(source_.asked, 20);
}

}  // namespace
}  // namespace indaba::http
