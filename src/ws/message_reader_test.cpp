#include "ws/message_reader.hpp"

#include "ws/testing.hpp"

#include <gtest/gtest.h>

namespace indaba::ws {
namespace {

using namespace testing;  // NOLINT: the client that these tests play

// The cases follow the numbers of the Autobahn test suite (crossbar.io/autobahn) where they have
// one there.
struct Case {
  const char* name;
  std::string bytes;
  Story story;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class Conversation : public ::testing::TestWithParam<Case> {};

TEST_P(Conversation, is_the_same_however_it_is_cut) {
  const Case& c = GetParam();
  EXPECT_EQ(tell(c.bytes, c.bytes.size()), c.story) << c.name;
  const std::size_t largest = std::min<std::size_t>(c.bytes.size(), 40);
  for (std::size_t step = 1; step < largest; ++step)
    ASSERT_EQ(tell(c.bytes, step), c.story) << c.name << " in pieces of " << step;
}

const std::string k125(125, '*');
const std::string k126(126, '*');
const std::string k64KiB(65536, '*');
const std::string kKosme = "κόσμε";

INSTANTIATE_TEST_SUITE_P(
    Framing, Conversation,
    ::testing::Values(
        Case{"1.1.1 empty text", text(""), {"text "}},
        Case{"1.1.2 text of 125", text(k125), {"text " + k125}},
        Case{"1.1.3 text of 126", text(k126), {"text " + k126}},
        Case{"1.1.6 text of 65535", text(k64KiB.substr(1)), {"text " + k64KiB.substr(1)}},
        Case{"1.1.7 text of 65536", text(k64KiB), {"text " + k64KiB}},
        Case{"1.2.1 empty binary", binary(""), {"binary "}},
        Case{"1.2.7 binary",
             binary(std::string("\x00\xFF\xFE", 3)),
             {"binary " + std::string("\x00\xFF\xFE", 3)}},
        Case{"2.1 empty ping", ping(), {"ping "}},
        Case{"2.3 binary ping", ping("\xFF\xFE"), {"ping \xFF\xFE"}},
        Case{"2.4 ping of 125", ping(k125), {"ping " + k125}},
        Case{"2.5 ping of 126", ping(k126), {"failed 1002"}},
        Case{"2.7 pong unasked", pong(), {"pong "}},
        Case{"2.10 ten pings", ping("0") + ping("1") + ping("2"), {"ping 0", "ping 1", "ping 2"}},
        Case{"3.1 RSV3", to_bytes({.payload = "x", .rsv = 1}), {"failed 1002"}},
        Case{"3.2 RSV2 behind a text",
             text("a") + to_bytes({.payload = "x", .rsv = 2}) + ping(),
             {"text a", "failed 1002"}},
        Case{"3.4 RSV1", to_bytes({.payload = "x", .rsv = 4}), {"failed 1002"}},
        Case{"3.6 RSV on binary",
             to_bytes({.opcode = 2, .payload = "x", .rsv = 6}),
             {"failed 1002"}},
        Case{"3.7 RSV on close", to_bytes({.opcode = 8, .rsv = 4}), {"failed 1002"}},
        Case{"4.1.1 opcode 3", to_bytes({.opcode = 3}), {"failed 1002"}},
        Case{"4.1.3 opcode 5",
             text("a") + to_bytes({.opcode = 5}) + ping(),
             {"text a", "failed 1002"}},
        Case{"4.1.5 opcode 7", to_bytes({.opcode = 7}), {"failed 1002"}},
        Case{"4.2.1 opcode 11", to_bytes({.opcode = 11}), {"failed 1002"}},
        Case{"4.2.5 opcode 15", to_bytes({.opcode = 15, .payload = "x"}), {"failed 1002"}},
        Case{"no mask", to_bytes({.payload = "x", .masked = false}), {"failed 1002"}},
        Case{"no mask on a ping", to_bytes({.opcode = 9, .masked = false}), {"failed 1002"}},
        Case{"5 in two bytes", to_bytes({.payload = "hello", .length_bytes = 2}), {"failed 1002"}},
        Case{"126 in eight bytes", to_bytes({.payload = k126, .length_bytes = 8}), {"failed 1002"}},
        Case{"highest bit",
             to_bytes({.told_size = 1ULL << 63U, .length_bytes = 8}),
             {"failed 1002"}}));

INSTANTIATE_TEST_SUITE_P(
    Fragments, Conversation,
    ::testing::Values(
        Case{"5.1 fragmented ping",
             to_bytes({.opcode = 9, .fin = false}) + more(""),
             {"failed 1002"}},
        Case{"5.2 fragmented pong",
             to_bytes({.opcode = 10, .fin = false}) + more(""),
             {"failed 1002"}},
        Case{"fragmented close", to_bytes({.opcode = 8, .fin = false}), {"failed 1002"}},
        Case{"5.3 two fragments", text("frag", false) + more("ment"), {"text fragment"}},
        Case{"5.6 ping between",
             text("frag", false) + ping("p") + more("ment"),
             {"ping p", "text fragment"}},
        Case{"5.9 nothing to continue", more("x"), {"failed 1002"}},
        Case{"5.10 not even unfinished", more("x", false) + text("a"), {"failed 1002"}},
        Case{"5.15 nothing left to continue",
             text("frag", false) + more("ment") + more("x", false),
             {"text fragment", "failed 1002"}},
        Case{"5.18 message inside a message", text("frag", false) + text("ment"), {"failed 1002"}},
        Case{"binary inside a text", text("frag", false) + binary("ment"), {"failed 1002"}},
        Case{"5.19 five fragments and pings",
             text("1", false) + more("2", false) + ping("a") + more("3", false) + more("4", false) +
                 ping("b") + more("5"),
             {"ping a", "ping b", "text 12345"}},
        Case{"continuation with RSV1",
             text("1", false) + to_bytes({.opcode = 0, .rsv = 4}),
             {"failed 1002"}},
        Case{"6.1.2 empty fragments", text("", false) + more("", false) + more(""), {"text "}},
        Case{"6.1.3 empty around",
             text("", false) + more("middle", false) + more(""),
             {"text middle"}},
        Case{"two messages",
             text("1", false) + more("2") + binary("3", false) + more("4") + text("5"),
             {"text 12", "binary 34", "text 5"}}));

INSTANTIATE_TEST_SUITE_P(
    Utf8, Conversation,
    ::testing::Values(
        Case{"6.2.1 valid", text("Hello-µ@ßöäüàá-UTF-8!!"), {"text Hello-µ@ßöäüàá-UTF-8!!"}},
        Case{"6.2.3 a byte a frame",
             [] {
               std::string bytes = text(kKosme.substr(0, 1), false);
               for (std::size_t i = 1; i < kKosme.size(); ++i)
                 bytes += more(kKosme.substr(i, 1), i + 1 == kKosme.size());
               return bytes;
             }(),
             {"text " + kKosme}},
        Case{"6.3.1 invalid",
             text(kKosme + "\xED\xA0\x80"
                           "edited"),
             {"failed 1007"}},
        Case{"6.4.1 invalid in the second fragment",
             text(kKosme, false) + more("\xF4\x90\x80\x80", false) + more("x"),
             {"failed 1007"}},
        Case{"6.6.1 unfinished at the end", text("\xCE"), {"failed 1007"}},
        Case{"unfinished at the end of fragments", text("\xCE", false) + more(""), {"failed 1007"}},
        Case{"6.9 last code point", text("\xF4\x8F\xBF\xBF"), {"text \xF4\x8F\xBF\xBF"}},
        Case{"6.12 lone continuation", text("\x80"), {"failed 1007"}},
        Case{"6.14 lone lead", text("\xC0"), {"failed 1007"}},
        Case{"6.18 over-long", text("\xE0\x80\xAF"), {"failed 1007"}},
        Case{"6.20 surrogate", text("\xED\xBF\xBF"), {"failed 1007"}},
        Case{"binary is not text", binary("\xFF", false) + more("\xC0"), {"binary \xFF\xC0"}},
        Case{"state is new with each message",
             text("\xCE\xBA", false) + more("\xCF\x8C") + text("a", false) + more("b"),
             {"text κό", "text ab"}}));

INSTANTIATE_TEST_SUITE_P(
    Closing, Conversation,
    ::testing::Values(
        Case{"7.1.3 ping behind close", close(1000) + ping(), {"close 1000 "}},
        Case{"7.1.5 close inside a message",
             text("frag", false) + close(1000) + more("ment"),
             {"close 1000 "}},
        Case{"7.3.1 empty", close(), {"close 1005 "}},
        Case{"7.3.2 one byte", close("a"), {"failed 1002"}},
        Case{"7.3.4 with a reason", close(1000, "Hello World!"), {"close 1000 Hello World!"}},
        Case{"7.3.5 longest reason", close(1000, k125.substr(2)), {"close 1000 " + k125.substr(2)}},
        Case{"7.3.6 too long", close(1000, k125.substr(1)), {"failed 1002"}},
        Case{"7.5.1 reason is no UTF-8", close(1000, kKosme + "\xED\xA0\x80"), {"failed 1007"}},
        Case{"7.7.13 code 4999", close(4999), {"close 4999 "}},
        Case{"7.7.9 code 1011", close(1011), {"close 1011 "}},
        Case{"code 1014", close(1014), {"close 1014 "}},
        Case{"7.9.1 code 0", close(0), {"failed 1002"}},
        Case{"7.9.3 code 1004", close(1004), {"failed 1002"}},
        Case{"7.9.4 code 1005", close(1005), {"failed 1002"}},
        Case{"7.9.5 code 1006", close(1006), {"failed 1002"}},
        Case{"code 1015", close(1015), {"failed 1002"}},
        Case{"7.9.6 code 1016", close(1016), {"failed 1002"}},
        Case{"7.9.9 code 2999", close(2999), {"failed 1002"}},
        Case{"7.13.1 code 5000", close(5000), {"failed 1002"}},
        Case{"7.13.2 code 65535", close(65535), {"failed 1002"}}));

TEST(FailFast, an_invalid_byte_fails_inside_an_unfinished_frame) {
  // 6.4.3 and 6.4.4: the byte is there, the rest of its frame is not.
  const ReaderSettings settings;
  const std::string frame = text(kKosme + "\xF4\x90" + std::string(1000, 'x'));
  const std::size_t guilty = 8 + kKosme.size() + 2;  // header, text, and the two bytes
  for (std::size_t cut = 1; cut < guilty; ++cut) {
    MessageReader reader(settings);
    Recorder recorder;
    std::string first = frame.substr(0, cut);
    EXPECT_EQ(reader.read(first, recorder).status, ReadOutcome::Status::open);
    std::string second = frame.substr(cut, guilty - cut);
    const auto outcome = reader.read(second, recorder);
    EXPECT_EQ(outcome.status, ReadOutcome::Status::failed) << cut;
    EXPECT_EQ(outcome.code, CloseCode::invalid_payload);
    EXPECT_EQ(reader.buffered_bytes(), 0U);
  }
}

TEST(Limits, are_decided_from_the_header_before_anything_is_kept) {
  const ReaderSettings settings;
  const auto only_header = [](std::uint64_t size, std::uint8_t opcode, bool fin) {
    return to_bytes({.opcode = opcode, .fin = fin, .told_size = size});
  };
  EXPECT_EQ(tell(only_header(65537, 1, true), 1), Story{"failed 1009"});
  EXPECT_EQ(tell(only_header((1ULL << 63U) - 1, 2, false), 1), Story{"failed 1009"});
  EXPECT_EQ(tell(only_header(65536, 1, true), 1), Story{});
  EXPECT_EQ(tell(text(std::string(60000, 'a'), false) + only_header(5537, 0, true), 1000),
            Story{"failed 1009"});
  EXPECT_EQ(tell(text(std::string(60000, 'a'), false) + only_header(5536, 0, true), 1000), Story{});
}

TEST(Limits, hold_for_the_number_of_fragments_and_of_empty_ones) {
  const ReaderSettings settings{.max_fragments = 4, .max_empty_fragments = 2};
  const auto first = text("a", false);
  EXPECT_EQ(tell(first + more("b", false) + more("c", false) + more("d"), 1, settings),
            Story{"text abcd"});
  EXPECT_EQ(
      tell(first + more("b", false) + more("c", false) + more("d", false) + more("e"), 1, settings),
      Story{"failed 1009"});
  EXPECT_EQ(tell(first + more("", false) + more("", false) + more("b"), 1, settings),
            Story{"text ab"});
  EXPECT_EQ(tell(first + more("", false) + more("", false) + more(""), 1, settings),
            Story{"failed 1009"});
}

TEST(Limits, of_binary_is_a_setting) {
  const ReaderSettings settings{.accept_binary = false};
  EXPECT_EQ(tell(text("a") + binary("b"), 1, settings), (Story{"text a", "failed 1003"}));
  EXPECT_EQ(tell(text("a", false) + more("b"), 1, settings), Story{"text ab"});
}

TEST(MessageReader, hands_over_a_whole_message_from_where_it_lies) {
  struct Where final : MessageHandler {
    bool on_text(std::string_view s) override {
      at = s.data();
      return true;
    }
    bool on_binary(std::string_view) override { return true; }
    bool on_ping(std::string_view) override { return true; }
    bool on_pong(std::string_view) override { return true; }
    bool on_close(CloseCode, std::string_view) override { return true; }
    const char* at = nullptr;
  } where;
  const ReaderSettings settings;
  MessageReader reader(settings);
  std::string bytes = text("hello");
  EXPECT_EQ(reader.read(bytes, where).status, ReadOutcome::Status::open);
  EXPECT_EQ(where.at, bytes.data() + 6);
}

TEST(MessageReader, holds_nothing_while_it_is_idle) {
  const ReaderSettings settings;
  MessageReader reader(settings);
  Recorder recorder;
  std::string first = text("frag", false);
  static_cast<void>(reader.read(first, recorder));
  EXPECT_EQ(reader.buffered_bytes(), 4U);
  std::string second = more("ment");
  static_cast<void>(reader.read(second, recorder));
  EXPECT_EQ(reader.buffered_bytes(), 0U);
  std::string half_a_ping = ping("abcdef").substr(0, 9);
  static_cast<void>(reader.read(half_a_ping, recorder));
  EXPECT_EQ(reader.buffered_bytes(), 3U);
}

TEST(MessageReader, stops_when_its_handler_says_so) {
  const ReaderSettings settings;
  const std::string bytes = text("1") + ping("2") + text("3", false) + more("4") + close(1000);
  for (std::size_t stop_after = 1; stop_after <= 4; ++stop_after) {
    MessageReader reader(settings);
    Recorder recorder(stop_after);
    std::string copy = bytes;
    EXPECT_EQ(reader.read(copy, recorder).status, ReadOutcome::Status::stopped);
    EXPECT_EQ(recorder.story.size(), stop_after);
    copy = text("behind");
    EXPECT_EQ(reader.read(copy, recorder).status, ReadOutcome::Status::stopped);
    EXPECT_EQ(recorder.story.size(), stop_after) << "nothing follows";
  }
}

TEST(MessageReader, may_be_destroyed_by_its_handler) {
  struct Owner final : MessageHandler {
    bool on_text(std::string_view) override {
      reader.reset();
      return false;
    }
    bool on_binary(std::string_view) override { return on_text({}); }
    bool on_ping(std::string_view) override { return on_text({}); }
    bool on_pong(std::string_view) override { return on_text({}); }
    bool on_close(CloseCode, std::string_view) override { return on_text({}); }
    std::unique_ptr<MessageReader> reader;
  };
  const ReaderSettings settings;
  for (const std::string& bytes : {text("a") + text("b"), text("a", false) + more("b") + text("c"),
                                   ping("x") + ping("y"), close(1000) + text("b")})
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
      Owner owner;
      owner.reader = std::make_unique<MessageReader>(settings);
      for (std::size_t at = 0; at < bytes.size() && owner.reader; at += step) {
        std::string piece = bytes.substr(at, step);
        static_cast<void>(owner.reader->read(piece, owner));
      }
      EXPECT_EQ(owner.reader, nullptr);
    }
}

TEST(MessageReader, takes_nothing_behind_a_failure) {
  const ReaderSettings settings;
  MessageReader reader(settings);
  Recorder recorder;
  std::string bytes = more("x") + text("a");
  EXPECT_EQ(reader.read(bytes, recorder).code, CloseCode::protocol_error);
  bytes = text("b");
  EXPECT_EQ(reader.read(bytes, recorder).status, ReadOutcome::Status::stopped);
  EXPECT_TRUE(recorder.story.empty());
}

}  // namespace
}  // namespace indaba::ws
