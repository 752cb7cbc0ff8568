#include "feature/exports/text.hpp"

#include <gtest/gtest.h>

namespace indaba::exports {
namespace {

std::string field(std::string_view text) {
  std::string out;
  append_csv_text(out, text);
  return out;
}

TEST(Csv, quotes_every_text_and_doubles_quotes) {
  EXPECT_EQ(field("plain"), R"("plain")");
  EXPECT_EQ(field(R"(say "hi", twice)"), R"("say ""hi"", twice")");
  EXPECT_EQ(field("two\r\nlines"), "\"two\r\nlines\"");
  EXPECT_EQ(field(""), R"("")");
}

TEST(Csv, no_text_is_a_formula) {
  for (const auto* text : {"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"})
    EXPECT_EQ(field(text), std::string("\"'") + text + '"');
  EXPECT_EQ(field("a=1"), R"("a=1")");
}

TEST(Csv, no_text_is_a_formula_in_full_width) {
  for (const auto* text : {"\uFF1D1+1", "\uFF0B1", "\uFF0D1", "\uFF20SUM(A1)"})
    EXPECT_EQ(field(text), std::string("\"'") + text + '"');
  EXPECT_EQ(field("a\uFF1D1"), "\"a\uFF1D1\"");
  EXPECT_EQ(field("\uFF1Eb"), "\"\uFF1Eb\"");  // another sign with the same first bytes
}

TEST(Csv, no_part_of_a_text_is_a_formula_where_another_separator_makes_it_a_cell) {
  EXPECT_EQ(field("a;=1+1"), R"("a;'=1+1")");
  EXPECT_EQ(field(";@x;-1"), R"(";'@x;'-1")");
  EXPECT_EQ(field("a\t+1"), "\"a\t'+1\"");
  EXPECT_EQ(field("a\n=1"), "\"a\n'=1\"");
  EXPECT_EQ(field("a;\uFF1D1"), "\"a;'\uFF1D1\"");
  EXPECT_EQ(field(R"(a;"=1)"), R"("a;""'=1")");
  EXPECT_EQ(field("a; b - c;d"), R"("a; b - c;d")");
}

TEST(Csv, puts_commas_between_fields_and_ends_lines_as_the_rfc_says) {
  std::string out;
  for (int line = 0; line < 2; ++line) {
    append_csv_plain(out, "1");
    append_csv_text(out, "a");
    append_csv_plain(out, "");
    end_csv_line(out);
  }
  EXPECT_EQ(out, "1,\"a\",\r\n1,\"a\",\r\n");
}

TEST(Pieces, come_back_as_they_were) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i) + "\n";
  const auto packed = pack(text).value();
  EXPECT_LT(packed.size(), text.size() / 2);
  EXPECT_EQ(unpack(packed, text.size()).value(), text);
  EXPECT_FALSE(unpack(packed, text.size() - 1));
  EXPECT_FALSE(unpack(packed, text.size() + 1));
  EXPECT_FALSE(unpack(packed.substr(0, packed.size() / 2), text.size()));
}

}  // namespace
}  // namespace indaba::exports
