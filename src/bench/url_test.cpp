#include "bench/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::bench {
namespace {

TEST(Url, is_taken_apart) {
  const auto url = parse_url("ws://127.0.0.1:8080/ws/x/?since=0#top").value();
  EXPECT_TRUE(url.websocket);
  EXPECT_EQ(url.host, "127.0.0.1");
  EXPECT_EQ(url.port, "8080");
  EXPECT_EQ(url.target, "/ws/x/?since=0");
  EXPECT_EQ(url.path(), "/ws/x/");
  EXPECT_EQ(url.authority(), "127.0.0.1:8080");
  EXPECT_EQ(parse_url("http://example.com").value().authority(), "example.com");
  EXPECT_EQ(parse_url("http://example.com?a=1").value().target, "/?a=1");
  EXPECT_EQ(parse_url("ws://[::1]:9/x").value().host, "::1");
  EXPECT_EQ(parse_url("ws://[::1]:9/x").value().authority(), "[::1]:9");
}

TEST(Url, that_cannot_be_measured_is_refused_with_the_reason) {
  EXPECT_THAT(parse_url("wss://x/").error().detail, testing::HasSubstr("TLS"));
  for (const auto* text :
       {"", "x", "ftp://x/", "ws:///x", "ws://x:0/", "ws://x:99999/", "ws://x:y/", "ws://x/a b"})
    EXPECT_FALSE(parse_url(text)) << text;
}

TEST(Address, knows_the_loopback_network) {
  EXPECT_TRUE(resolve(parse_url("ws://127.0.0.1:1/").value()).value().is_loopback_v4());
  EXPECT_TRUE(loopback_source(0).is_loopback_v4());
  EXPECT_FALSE(resolve(parse_url("ws://192.0.2.1:1/").value()).value().is_loopback_v4());
}

}  // namespace
}  // namespace indaba::bench
