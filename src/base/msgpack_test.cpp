#include "base/msgpack.hpp"

#include "base/json.hpp"
#include "base/json_write.hpp"
#include "base/text.hpp"

#include <gtest/gtest.h>

namespace indaba::msgpack {
namespace {

std::string from_hex(std::string_view hex) {
  return *text::from_hex(hex);
}
// The JSON of some MessagePack, or what is wrong with it.
std::string json_of(std::string_view bytes, Limits limits = {}) {
  const auto value = decode(bytes, limits);
  return value ? json::to_text(*value) : value.error().detail;
}
std::string hex_of(std::string_view json) {
  return text::to_hex(encode(*json::parse(json)));
}

// Captured from Python's msgpack, which channels_redis uses.
constexpr std::string_view kCaptured =
    "86a474797065ac636861742e6d657373616765a474657874a368c3a9a16e07a26f6bc3a36e696cc0a464617461"
    "81a1619401ffcb400c000000000000cd012c";

TEST(MsgPack, reads_what_django_sends) {
  EXPECT_EQ(json_of(from_hex(kCaptured)),
            R"({"type":"chat.message","text":"hé","n":7,"ok":true,"nil":null,)"
            R"("data":{"a":[1,-1,3.5,300]}})");
}

TEST(MsgPack, writes_what_django_reads) {
  EXPECT_EQ(hex_of(json_of(from_hex(kCaptured))), kCaptured);
}

TEST(MsgPack, writes_every_value_in_its_shortest_form) {
  EXPECT_EQ(hex_of("[127,128,255,256,65535,65536,4294967295,4294967296,18446744073709551615]"),
            "997fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000cfffffffffffffffff");
  EXPECT_EQ(hex_of("[-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649]"),
            "99ffe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffff");
  EXPECT_EQ(hex_of("[null,false,true,\"\",[],{},0.5]"), "97c0c2c3a09080cb3fe0000000000000");
  EXPECT_EQ(encode(boost::json::value(std::string(32, 'x'))).substr(0, 2), from_hex("d920"));
  EXPECT_EQ(encode(boost::json::value(std::string(256, 'x'))).substr(0, 3), from_hex("da0100"));
  EXPECT_EQ(encode(boost::json::value(std::string(65536, 'x'))).substr(0, 5),
            from_hex("db00010000"));
}

TEST(MsgPack, comes_back_as_it_was) {
  const std::string json =
      R"({"big":[9223372036854775807,-9223372036854775808,18446744073709551615,1e300],)"
      R"("deep":[[[[[[{"a":[{}]}]]]]]],"long":")" +
      std::string(70000, 'x') + R"("})";
  EXPECT_EQ(json_of(encode(*json::parse(json))), json_of(encode(*json::parse(json))));
  EXPECT_EQ(*decode(encode(*json::parse(json))), *json::parse(json));
  boost::json::array many(70000, boost::json::value(1));
  EXPECT_EQ(*decode(encode(many), {.depth = 1, .values = 70001}), boost::json::value(many));
}

TEST(MsgPack, gives_the_nearest_to_what_json_has_no_word_for) {
  EXPECT_EQ(json_of(from_hex("c403000102")), R"("AAEC")");
  EXPECT_EQ(json_of(from_hex("ca7fc00000")), "null");          // NaN
  EXPECT_EQ(json_of(from_hex("cbfff0000000000000")), "null");  // -infinity
}

TEST(MsgPack, refuses_what_is_wrong_and_says_why) {
  EXPECT_EQ(json_of(""), "MessagePack: it ends in the middle of a value");
  EXPECT_EQ(json_of(from_hex("c1")), "MessagePack: an extension type, which JSON has no word for");
  EXPECT_EQ(json_of(from_hex("d40100")),
            "MessagePack: an extension type, which JSON has no word for");
  EXPECT_EQ(json_of(from_hex("c0c0")), "MessagePack: bytes behind the end");
  EXPECT_EQ(json_of(from_hex("a2c328")), "MessagePack: a text that is not UTF-8");
  EXPECT_EQ(json_of(from_hex("810101")), "MessagePack: a key that is no text");
  EXPECT_EQ(json_of(from_hex("81800101")), "MessagePack: too deep");
  EXPECT_EQ(json_of(from_hex("82a16101a16102")), "MessagePack: a key that stands twice");
}

TEST(MsgPack, refuses_every_text_that_is_cut_off) {
  const auto whole = from_hex(kCaptured);
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_FALSE(decode(whole.substr(0, i))) << i;
}

TEST(MsgPack, believes_no_length_and_goes_no_deeper_than_it_may) {
  EXPECT_EQ(json_of(from_hex("ddffffffff")), "MessagePack: a length past its end");
  EXPECT_EQ(json_of(from_hex("dfffffffff")), "MessagePack: a length past its end");
  EXPECT_EQ(json_of(from_hex("dbffffffff")), "MessagePack: it ends in the middle of a text");
  EXPECT_EQ(json_of(std::string(100'000, '\x91') + '\xc0'), "MessagePack: too deep");
  EXPECT_EQ(json_of(std::string(32, '\x91') + '\xc0').substr(0, 2), "[[");
  EXPECT_EQ(json_of(from_hex("93010203"), {.depth = 2, .values = 3}),
            "MessagePack: too many values");
}

}  // namespace
}  // namespace indaba::msgpack
