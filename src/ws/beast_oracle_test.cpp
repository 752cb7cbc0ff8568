// Boost.Beast plays the client: what it sends, our reader must understand, and what we send, it
// must.
#include "base/text.hpp"
#include "http/parser.hpp"
#include "ws/deflate.hpp"
#include "ws/handshake.hpp"
#include "ws/testing.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <gtest/gtest.h>

namespace indaba::ws {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

class BeastClient : public ::testing::TestWithParam<bool> {
 protected:
  BeastClient() : client_(io_), server_(io_) {
    client_.next_layer().connect(server_);
    beast::websocket::permessage_deflate deflate;
    deflate.client_enable = GetParam();
    client_.set_option(deflate);
  }

  // What has arrived at the server since the last call.
  std::string received() {
    io_.restart();
    io_.poll();
    std::string bytes(server_.str());
    server_.clear();
    return bytes;
  }

  void send(std::string_view bytes) { asio::write(server_, asio::buffer(bytes)); }

  void shake_hands() {
    beast::error_code ec = asio::error::would_block;
    client_.async_handshake("localhost", "/ws", [&](beast::error_code result) { ec = result; });
    http::RequestParser parser(limits_);
    const std::string request = received();
    ASSERT_EQ(parser.feed(request), request.size());
    ASSERT_EQ(parser.state(), http::RequestParser::State::complete);
    const auto accepted =
        std::get<AcceptedUpgrade>(check_upgrade(parser.take(), {.compression = true}));
    EXPECT_EQ(accepted.deflate.has_value(), GetParam());
    send(render_upgrade(accepted));
    static_cast<void>(received());
    ASSERT_FALSE(ec) << ec.message();
  }

  std::string read_message() {
    beast::flat_buffer buffer;
    client_.async_read(buffer, [](beast::error_code ec, std::size_t) { EXPECT_FALSE(ec); });
    io_.restart();
    io_.poll();
    return beast::buffers_to_string(buffer.data());
  }

  const http::ParserLimits limits_;
  asio::io_context io_;
  beast::websocket::stream<beast::test::stream> client_;
  beast::test::stream server_;
  Inflater inflater_;
  Deflater deflater_;
};

std::string message_of(std::size_t size) {
  std::string message;
  for (std::size_t i = 0; message.size() < size; ++i) message += fmt::format("{} κ ", i * 7919);
  message.resize(size, ' ');
  while (!message.empty() && !text::is_utf8(message)) message.pop_back();
  return message;
}

TEST_P(BeastClient, is_understood_whatever_it_sends_and_however_that_is_cut) {
  shake_hands();
  client_.auto_fragment(true);
  client_.write_buffer_bytes(512);
  std::string bytes;
  testing::Story expected;
  for (const std::size_t size : {0U, 1U, 125U, 126U, 700U, 5000U, 65000U}) {
    const std::string message = message_of(size);
    client_.text(true);
    client_.async_write(asio::buffer(message),
                        [](beast::error_code ec, std::size_t) { EXPECT_FALSE(ec); });
    bytes += received();
    expected.push_back("text " + message);
    client_.async_ping("are you there", [](beast::error_code ec) { EXPECT_FALSE(ec); });
    bytes += received();
    expected.push_back("ping are you there");
  }
  Inflater* const agreed = GetParam() ? &inflater_ : nullptr;
  for (const std::size_t step : {std::size_t{1}, std::size_t{13}, std::size_t{4096}, bytes.size()})
    EXPECT_EQ(testing::tell(bytes, step, {}, agreed), expected) << step;
}

TEST_P(BeastClient, understands_what_we_send) {
  shake_hands();
  for (const std::size_t size : {0U, 125U, 126U, 65535U, 65536U}) {
    const std::string message = message_of(size);
    send(make_frame(Opcode::text, message).bytes());
    EXPECT_EQ(read_message(), message);
    if (!GetParam()) continue;
    send(make_frame(Opcode::text, deflater_.deflate(message), true).bytes());
    EXPECT_EQ(read_message(), message);
  }
}

TEST_P(BeastClient, is_told_why_the_connection_closes) {
  shake_hands();
  send(make_close_frame(CloseCode::too_many, "too_many: Slow down.").bytes());
  beast::flat_buffer buffer;
  beast::error_code ec;
  client_.async_read(buffer, [&](beast::error_code result, std::size_t) { ec = result; });
  const std::string answer = received();
  EXPECT_EQ(client_.reason().code, 4029);
  EXPECT_EQ(client_.reason().reason, "too_many: Slow down.");
  EXPECT_EQ(testing::tell(answer, 1).at(0).substr(0, 10), "close 4029");
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutCompression, BeastClient, ::testing::Bool());

}  // namespace
}  // namespace indaba::ws
