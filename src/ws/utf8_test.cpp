#include "ws/utf8.hpp"

#include "base/text.hpp"

#include <gtest/gtest.h>

namespace indaba::ws {
namespace {

// What the definition says (RFC 3629, section 4), without an automaton.
bool is_valid_by_definition(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const auto at = [&](std::size_t n) {
      return i + n < s.size() ? static_cast<unsigned char>(s[i + n]) : 0U;
    };
    const unsigned lead = at(0);
    const std::size_t length = lead < 0x80        ? 1
                               : lead >> 5U == 6  ? 2
                               : lead >> 4U == 14 ? 3
                               : lead >> 3U == 30 ? 4
                                                  : 0;
    if (length == 0 || i + length > s.size()) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t n = 1; n < length; ++n) {
      if ((at(n) & 0xC0U) != 0x80U) return false;
      point = point << 6U | (at(n) & 0x3FU);
    }
    const std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    if (point < least.at(length) || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
      return false;
    i += length;
  }
  return true;
}

bool valid_in_pieces(std::string_view s, std::size_t cut) {
  Utf8Validator validator;
  return validator.feed(s.substr(0, cut)) && validator.feed(s.substr(cut)) && validator.complete();
}

TEST(Utf8, agrees_with_the_definition_on_every_three_bytes) {
  std::string s(3, '\0');
  for (unsigned a = 0; a < 256; ++a)
    for (unsigned b = 0; b < 256; ++b)
      for (unsigned c = 0; c < 256; c += (a < 0xE0 ? 17 : 1)) {
        s = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
        ASSERT_EQ(valid_in_pieces(s, 1), is_valid_by_definition(s)) << a << ' ' << b << ' ' << c;
      }
}

TEST(Utf8, agrees_with_the_definition_on_every_four_bytes_that_matter) {
  for (unsigned a = 0xEF; a < 256; ++a)
    for (unsigned b = 0x7E; b < 0xC2; ++b)
      for (const unsigned c : {0x7FU, 0x80U, 0xBFU, 0xC0U})
        for (const unsigned d : {0x7FU, 0x80U, 0xBFU, 0xC0U}) {
          const std::string s{static_cast<char>(a), static_cast<char>(b), static_cast<char>(c),
                              static_cast<char>(d)};
          for (std::size_t cut = 0; cut <= 4; ++cut)
            ASSERT_EQ(valid_in_pieces(s, cut), is_valid_by_definition(s)) << a << ' ' << b;
          ASSERT_EQ(text::is_utf8(s), is_valid_by_definition(s));
        }
}

TEST(Utf8, is_valid_wherever_it_is_cut) {
  const std::string s = "plain ASCII text, κόσμε, ελληνικά, 日本語, 👍🏽 and then ASCII once more";
  for (std::size_t cut = 0; cut <= s.size(); ++cut) EXPECT_TRUE(valid_in_pieces(s, cut)) << cut;
}

TEST(Utf8, fails_at_the_first_byte_that_cannot_be_helped) {
  for (const std::string_view s : {"\xC0", "\xC1", "\xF5", "\xFF", "\x80", "\xE0\x9F", "\xED\xA0",
                                   "\xF0\x8F", "\xF4\x90", "\xC3(", "κόσμε\xED\xA0"}) {
    Utf8Validator validator;
    EXPECT_TRUE(validator.feed(s.substr(0, s.size() - 1)));
    EXPECT_FALSE(validator.feed(s.substr(s.size() - 1)));
    EXPECT_FALSE(validator.feed("a")) << "nothing helps afterwards";
  }
}

TEST(Utf8, is_cut_between_two_code_points) {
  EXPECT_EQ(utf8_prefix("añb", 2), "a");
  EXPECT_EQ(utf8_prefix("añb", 3), "añ");
  EXPECT_EQ(utf8_prefix("añb", 9), "añb");
  EXPECT_EQ(utf8_prefix("👍", 3), "");
}

}  // namespace
}  // namespace indaba::ws
