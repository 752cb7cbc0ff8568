#include "base/text.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace indaba::text {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST(Utf8, accepts_every_kind_of_sequence_wherever_it_stands) {
  for (const auto good : {""sv, "plain ascii that is longer than eight bytes"sv, "käse"sv,
                          "\u20AC\U0001F600"sv, "\xEF\xBF\xBF"sv, "\xF4\x8F\xBF\xBF"sv, "\0"sv})
    for (std::size_t shift = 0; shift < 9; ++shift)
      EXPECT_TRUE(is_utf8(std::string(shift, 'a') + std::string(good) + "12345678")) << good;
}

TEST(Utf8, refuses_overlong_forms_surrogates_and_what_is_cut) {
  for (const auto bad :
       {"\x80"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xE0\x80\x80"sv, "\xE0\x9F\xBF"sv, "\xED\xA0\x80"sv,
        "\xED\xBF\xBF"sv, "\xF0\x80\x80\x80"sv, "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv,
        "\xFF"sv, "\xE2\x82"sv, "\xC3"sv, "\xF0\x9F\x98"sv})
    for (std::size_t shift = 0; shift < 9; ++shift) {
      EXPECT_FALSE(is_utf8(std::string(shift, 'a') + std::string(bad)));
      EXPECT_FALSE(is_utf8(std::string(shift, 'a') + std::string(bad) + "12345678"));
    }
}

TEST(Utf8, counts_and_cuts_code_points_not_bytes) {
  EXPECT_EQ(count_code_points("a\u20AC\U0001F600"), 3U);
  EXPECT_EQ(first_code_points("a\u20AC\U0001F600", 2), "a\u20AC");
  EXPECT_EQ(first_code_points("abc", 3), "abc");
  EXPECT_EQ(first_code_points("abc", 0), "");
}

TEST(Slug, is_lower_case_and_ends_in_letters_or_digits) {
  for (const auto good : {"a"sv, "demo"sv, "a-b_c9"sv, "0"sv}) EXPECT_TRUE(is_slug(good)) << good;
  for (const auto bad : {""sv, "Demo"sv, "-a"sv, "a_"sv, "a b"sv, "ä"sv, "a/b"sv, "a\0b"sv})
    EXPECT_FALSE(is_slug(bad)) << bad;
  EXPECT_TRUE(is_slug(std::string(64, 'x')));
  EXPECT_FALSE(is_slug(std::string(65, 'x')));
}

TEST(Encoding, matches_the_vectors_of_rfc_4648) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(plain), encoded);
    EXPECT_EQ(from_base64(encoded), std::string(plain));
    const auto bare = encoded.substr(0, encoded.find('='));
    EXPECT_EQ(to_base64url(plain), bare);
    EXPECT_EQ(from_base64url(bare), std::string(plain));
  }
  EXPECT_EQ(to_base64url("\xFB\xFF\xBF"), "-_-_");
  EXPECT_EQ(to_base64("\xFB\xFF\xBF"), "+/+/");
  EXPECT_EQ(to_hex("\x00\xAB\xff"s), "00abff");
  EXPECT_EQ(from_hex("00aBFf"), "\x00\xAB\xff"s);
}

TEST(Encoding, accepts_one_spelling_of_a_value_only) {
  for (const auto bad : {"Zg"sv, "Zg="sv, "Zg==="sv, "Zh=="sv, "Zm9"sv, "Zm9v\n"sv, "Zm 9"sv,
                         "===="sv, "Zg==Zg=="sv, "-_-_"sv, "Z"sv})
    EXPECT_FALSE(from_base64(bad)) << bad;
  for (const auto bad : {"Zg=="sv, "Zh"sv, "Z"sv, "+/+/"sv, "Zg "sv, "Zm9vY"sv, "Zm9\0"sv})
    EXPECT_FALSE(from_base64url(bad)) << bad;
  for (const auto bad : {"0"sv, "0g"sv, " 0"sv}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(Encoding, round_trips_every_byte) {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all.push_back(static_cast<char>(i));
    EXPECT_EQ(from_base64(to_base64(all)), all);
    EXPECT_EQ(from_base64url(to_base64url(all)), all);
    EXPECT_EQ(from_hex(to_hex(all)), all);
  }
}

TEST(Ascii, compares_lowers_trims_and_splits) {
  EXPECT_TRUE(equal_ignoring_case("Upgrade", "uPGRADE"));
  EXPECT_FALSE(equal_ignoring_case("upgrade", "upgrad"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
  EXPECT_EQ(to_lower("AbÄ"), "abÄ");
  EXPECT_EQ(trim(" \t a b\t"), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(Numbers, are_strict_and_in_range) {
  EXPECT_EQ(parse_int64("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_int64("007"), 7);
  for (const auto bad :
       {""sv, "+1"sv, " 1"sv, "1 "sv, "1.0"sv, "0x1"sv, "-"sv, "9223372036854775808"sv, "1\0"sv})
    EXPECT_FALSE(parse_int64(bad)) << bad;
  EXPECT_EQ(parse_double("-1.5e3"), -1500.0);
  for (const auto bad : {""sv, "nan"sv, "inf"sv, "1e999"sv, "1,5"sv, " 1"sv})
    EXPECT_FALSE(parse_double(bad)) << bad;
}

}  // namespace
}  // namespace indaba::text
