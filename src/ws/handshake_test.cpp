#include "ws/handshake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::ws {
namespace {

http::Request upgrade_request() {
  http::Request request;
  request.headers.add("Host", "server.example.com");
  request.headers.add("Upgrade", "websocket");
  request.headers.add("Connection", "keep-alive, Upgrade");
  request.headers.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  request.headers.add("Sec-WebSocket-Version", "13");
  return request;
}

http::Request with(std::string_view name, std::string_view value) {
  auto request = upgrade_request();
  request.headers.set(name, value);
  return request;
}

int status_of(const http::Request& request) {
  const auto decision = check_upgrade(request, {});
  const auto* refused = std::get_if<RefusedUpgrade>(&decision);
  return refused != nullptr ? refused->status : 101;
}

AcceptedUpgrade accept(const http::Request& request, const UpgradeSettings& settings = {}) {
  return std::get<AcceptedUpgrade>(check_upgrade(request, settings));
}

TEST(Handshake, answers_the_example_of_the_standard) {
  const auto accepted = accept(upgrade_request());
  EXPECT_EQ(accepted.accept_key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(render_upgrade(accepted),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST(Handshake, takes_its_tokens_from_lists_and_in_any_case) {
  EXPECT_EQ(status_of(with("Connection", "UPGRADE")), 101);
  EXPECT_EQ(status_of(with("Upgrade", "foo, WebSocket")), 101);
}

TEST(Handshake, that_is_no_upgrade_gets_426) {
  EXPECT_EQ(status_of(with("Upgrade", "h2")), 426);
  EXPECT_EQ(status_of(with("Upgrade", "websockets")), 426);
  EXPECT_EQ(status_of(with("Connection", "keep-alive")), 426);
  for (const auto* version : {"8", "777", "", "013", "13, 8", "12"})
    EXPECT_EQ(status_of(with("Sec-WebSocket-Version", version)), 426) << version;
}

TEST(Handshake, that_is_malformed_gets_400) {
  for (const auto* key : {"", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZTE=",
                          "!!!lIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==x"})
    EXPECT_EQ(status_of(with("Sec-WebSocket-Key", key)), 400) << key;
  auto request = upgrade_request();
  request.headers.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(status_of(request), 400) << "two keys";
  request = upgrade_request();
  request.method = http::Method::post;
  EXPECT_EQ(status_of(request), 400);
  request = upgrade_request();
  request.version_minor = 0;
  EXPECT_EQ(status_of(request), 400);
  EXPECT_EQ(status_of(with("Sec-WebSocket-Protocol", "a b")), 400);
}

TEST(Handshake, with_a_body_gets_400) {
  EXPECT_EQ(status_of(with("Content-Length", "5")), 400);
  EXPECT_EQ(status_of(with("Transfer-Encoding", "chunked")), 400);
  EXPECT_EQ(status_of(with("Content-Length", "0")), 101);
  auto request = upgrade_request();
  request.body = "x";
  EXPECT_EQ(status_of(request), 400);
}

TEST(Handshake, refused_closes_the_connection_and_names_the_version) {
  http::Response response;
  apply_refusal({426, ""}, response);
  EXPECT_EQ(response.status, 426);
  EXPECT_TRUE(response.close);
  EXPECT_EQ(response.headers.find("sec-websocket-version"), "13");
  EXPECT_EQ(response.headers.find("upgrade"), "websocket");
}

TEST(SubProtocol, is_ours_if_offered_else_bearer_else_none_and_never_a_token) {
  const auto chosen = [](std::string_view offered) {
    return accept(with("Sec-WebSocket-Protocol", offered)).protocol;
  };
  EXPECT_EQ(chosen("indaba.v1"), "indaba.v1");
  EXPECT_EQ(chosen("Bearer, abc.def, indaba.v1"), "indaba.v1");
  EXPECT_EQ(chosen("indaba.v1, Bearer, abc"), "indaba.v1");
  EXPECT_EQ(chosen("Bearer, abc"), "Bearer");
  EXPECT_EQ(chosen("Bearer, indaba.v1"), "Bearer") << "that is a token";
  EXPECT_EQ(chosen("graphql-ws"), "");
}

TEST(SubProtocol, pair_gives_the_token) {
  const auto token = [](std::string_view offered) {
    return bearer_token(with("Sec-WebSocket-Protocol", offered).headers);
  };
  EXPECT_EQ(token("Bearer, abc.def-ghi_1"), "abc.def-ghi_1");
  EXPECT_EQ(token("indaba.v1,Bearer ,t"), "t");
  EXPECT_EQ(token("Bearer"), std::nullopt);
  EXPECT_EQ(token("indaba.v1"), std::nullopt);
  EXPECT_EQ(bearer_token(upgrade_request().headers), std::nullopt);
  auto request = upgrade_request();
  request.headers.add("Sec-WebSocket-Protocol", "Bearer");
  request.headers.add("Sec-WebSocket-Protocol", "abc");
  EXPECT_EQ(bearer_token(request.headers), "abc") << "two fields are one list";
}

TEST(Handshake, agrees_on_compression_only_where_it_is_switched_on) {
  const auto request =
      with("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits");
  EXPECT_FALSE(accept(request).deflate);
  const auto accepted = accept(request, {.compression = true});
  ASSERT_TRUE(accepted.deflate);
  EXPECT_THAT(render_upgrade(accepted),
              ::testing::HasSubstr("\r\nSec-WebSocket-Extensions: permessage-deflate; "
                                   "server_no_context_takeover; client_no_context_takeover\r\n"));
}

}  // namespace
}  // namespace indaba::ws
