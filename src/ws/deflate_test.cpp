#include "ws/deflate.hpp"

#include "ws/testing.hpp"

#include <gtest/gtest.h>

namespace indaba::ws {
namespace {

using namespace testing;  // NOLINT: the client that these tests play

std::string negotiated(std::string_view offers, int window_bits = kMaxWindowBits) {
  http::Headers headers;
  headers.add("Sec-WebSocket-Extensions", offers);
  const auto agreement = negotiate_deflate(headers, window_bits);
  return agreement ? to_header(*agreement) : "declined";
}

const std::string kAgreed =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

TEST(DeflateNegotiation, accepts_every_form_of_a_valid_offer) {
  for (const auto* offer :
       {"permessage-deflate", "permessage-deflate; client_max_window_bits",
        "permessage-deflate;client_max_window_bits=8",
        "permessage-deflate; client_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; client_max_window_bits=\"10\"",
        "x-webkit-deflate-frame, permessage-deflate", "foo; bar=1; baz=\"q\", permessage-deflate"})
    EXPECT_EQ(negotiated(offer), kAgreed) << offer;
  EXPECT_EQ(negotiated("permessage-deflate; server_max_window_bits=15"),
            kAgreed + "; server_max_window_bits=15");
}

TEST(DeflateNegotiation, declines_what_it_does_not_know_or_cannot_do) {
  for (const auto* offer :
       {"permessage-bzip2", "permessage-deflate; unknown", "permessage-deflate; unknown=1",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=\"\"",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=08",
        "permessage-deflate; client_max_window_bits=a",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=10"})
    EXPECT_EQ(negotiated(offer), "declined") << offer;
}

TEST(DeflateNegotiation, declines_everything_where_the_grammar_is_broken) {
  for (const auto* offer : {"", ",", "permessage-deflate;", "permessage-deflate; a=", ";a",
                            "permessage-deflate permessage-deflate", "permessage-deflate; a=\"b",
                            "permessage-deflate; a=\"b c\"", "permessage-deflate,"})
    EXPECT_EQ(negotiated(offer), "declined") << offer;
}

TEST(DeflateNegotiation, takes_the_first_offer_that_it_can) {
  EXPECT_EQ(negotiated("permessage-deflate; server_max_window_bits=10, permessage-deflate"),
            kAgreed);
  EXPECT_EQ(negotiated("permessage-deflate; server_max_window_bits=12", 11),
            kAgreed + "; server_max_window_bits=11");
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Deflate, round_trips) {
  Deflater deflater;
  Inflater inflater;
  std::string noise;
  for (unsigned i = 0, x = 1; i < 200000; ++i)
    noise += static_cast<char>((x = x * 1103515245 + 12345) >> 16U);
  for (const std::string& message : {std::string(), std::string("a"), repeat("hello ", 1000), noise,
                                     std::string(1 << 20, '\0')}) {
    const std::string compressed(deflater.deflate(message));
    const Inflated inflated = inflater.inflate(compressed, message.size());
    EXPECT_EQ(inflated.status, Inflated::Status::ok);
    EXPECT_EQ(inflated.bytes, message);
  }
}

TEST(Deflate, gives_equal_bytes_for_equal_messages_because_no_context_is_kept) {
  Deflater deflater;
  const std::string first(deflater.deflate("hello hello"));
  static_cast<void>(deflater.deflate("something else"));
  EXPECT_EQ(deflater.deflate("hello hello"), first);
}

TEST(Inflate, reads_the_examples_of_the_standard) {
  // RFC 7692, section 7.2.3: one block; no compression; a last block and what follows it; two
  // blocks.
  Inflater inflater;
  for (const std::string_view compressed :
       {std::string_view("\xf2\x48\xcd\xc9\xc9\x07\x00", 7),
        std::string_view("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11),
        std::string_view("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8),
        std::string_view("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13)}) {
    const Inflated inflated = inflater.inflate(compressed, 100);
    EXPECT_EQ(inflated.status, Inflated::Status::ok);
    EXPECT_EQ(inflated.bytes, "Hello");
  }
}

TEST(Inflate, stops_a_bomb_at_its_limit) {
  Deflater deflater;
  Inflater inflater;
  const std::string bomb(deflater.deflate(std::string(50 << 20, 'x')));
  EXPECT_EQ(inflater.inflate(bomb, 65536).status, Inflated::Status::too_big);
  const std::string exact(deflater.deflate(std::string(65536, 'x')));
  EXPECT_EQ(inflater.inflate(exact, 65536).status, Inflated::Status::ok);
  EXPECT_EQ(inflater.inflate(exact, 65535).status, Inflated::Status::too_big);
}

TEST(Inflate, refuses_what_is_broken_or_cut_off) {
  Deflater deflater;
  Inflater inflater;
  const std::string whole(deflater.deflate(repeat("some text that compresses well; ", 50)));
  EXPECT_EQ(inflater.inflate("\xff\xff\xff\xff", 1000).status, Inflated::Status::corrupt);
  for (std::size_t size = 1; size + 1 < whole.size(); ++size)
    EXPECT_NE(inflater.inflate(std::string_view(whole).substr(0, size), 100000).status,
              Inflated::Status::ok)
        << size;
  EXPECT_EQ(inflater.inflate(whole, 100000).status, Inflated::Status::ok) << "it recovers";
}

class CompressedMessages : public ::testing::Test {
 protected:
  std::string compressed(std::string_view message, std::uint8_t opcode = 1) {
    return to_bytes(
        {.opcode = opcode, .payload = std::string(deflater_.deflate(message)), .rsv = 4});
  }
  // The same story at every cut.
  Story tell_cut(const std::string& bytes, const ReaderSettings& settings = {}) {
    const Story whole = tell(bytes, bytes.size(), settings, &inflater_);
    for (std::size_t step = 1; step < std::min<std::size_t>(bytes.size(), 64); ++step)
      EXPECT_EQ(tell(bytes, step, settings, &inflater_), whole) << step;
    return whole;
  }
  Deflater deflater_;
  Inflater inflater_;
};

TEST_F(CompressedMessages, are_inflated_among_plain_ones) {
  EXPECT_EQ(tell_cut(compressed("hello") + text("plain") + compressed("\xFF", 2) + compressed("")),
            (Story{"text hello", "text plain", "binary \xFF", "text "}));
}

TEST_F(CompressedMessages, may_be_fragmented_with_a_ping_between) {
  const std::string payload(deflater_.deflate("hello fragments"));
  const std::string bytes = to_bytes({.payload = payload.substr(0, 4), .fin = false, .rsv = 4}) +
                            ping("p") + more(payload.substr(4, 3), false) +
                            more(payload.substr(7)) + text("x");
  EXPECT_EQ(tell_cut(bytes), (Story{"ping p", "text hello fragments", "text x"}));
}

TEST_F(CompressedMessages, have_rsv1_on_their_first_frame_only) {
  const std::string payload(deflater_.deflate("hello"));
  EXPECT_EQ(tell_cut(to_bytes({.payload = payload, .fin = false, .rsv = 4}) +
                     to_bytes({.opcode = 0, .payload = "", .rsv = 4})),
            Story{"failed 1002"});
  EXPECT_EQ(tell_cut(text("a", false) + to_bytes({.opcode = 0, .payload = "", .rsv = 4})),
            Story{"failed 1002"});
  EXPECT_EQ(tell_cut(to_bytes({.opcode = 9, .payload = payload, .rsv = 4})), Story{"failed 1002"});
  EXPECT_EQ(tell(compressed("hello"), 1), Story{"failed 1002"}) << "not agreed on";
}

TEST_F(CompressedMessages, are_checked_for_utf8_once_inflated) {
  EXPECT_EQ(tell_cut(compressed("abc\xED\xA0\x80")), Story{"failed 1007"});
  EXPECT_EQ(tell_cut(compressed("κόσμε")), Story{"text κόσμε"});
}

TEST_F(CompressedMessages, may_inflate_to_ten_times_their_size_and_to_the_message_limit) {
  const std::string message = repeat("x", 3000);
  const std::size_t size = deflater_.deflate(message).size();
  ASSERT_LT(size * 10, message.size());
  EXPECT_EQ(tell_cut(compressed(message)), Story{"failed 1009"});
  EXPECT_EQ(tell_cut(compressed(message), {.max_inflate_factor = 0}), Story{"text " + message});
  EXPECT_EQ(tell_cut(compressed(message), {.max_message_bytes = 2999, .max_inflate_factor = 0}),
            Story{"failed 1009"});
  const std::string usual =
      R"({"type":"message","stream":"orgs/acme/rooms/general","body":"hello"})";
  EXPECT_EQ(tell_cut(compressed(usual)), Story{"text " + usual});
}

TEST_F(CompressedMessages, that_are_broken_fail_the_connection) {
  EXPECT_EQ(tell_cut(to_bytes({.payload = "\xff\xff\xff", .rsv = 4})), Story{"failed 1007"});
}

}  // namespace
}  // namespace indaba::ws
