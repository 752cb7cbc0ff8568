#include "feature/search/highlight.hpp"

#include "base/text.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::search {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const Marks kMarks{"{{", "}}"};

TEST(Highlight, a_short_text_is_shown_whole) {
  EXPECT_THAT(highlights_of("the {{budget}} is final", kMarks),
              ElementsAre("the <mark>budget</mark> is final"));
  EXPECT_THAT(highlights_of("{{budget}}", kMarks), ElementsAre("<mark>budget</mark>"));
  EXPECT_THAT(highlights_of("nothing", kMarks), IsEmpty());
}

TEST(Highlight, nothing_of_the_text_is_html) {
  EXPECT_THAT(
      highlights_of("<mark>x</mark> & \"{{<script>}}\" 'y'", kMarks),
      ElementsAre("&lt;mark&gt;x&lt;/mark&gt; &amp; &quot;<mark>&lt;script&gt;</mark>&quot; "
                  "&#39;y&#39;"));
}

TEST(Highlight, a_long_text_is_cut_between_words_around_its_matches) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("word{} ", i);
  text.insert(text.find("word50"), "{{here}} ");
  const auto parts = highlights_of(text, kMarks);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_THAT(parts[0], StartsWith("… word"));
  EXPECT_THAT(parts[0], HasSubstr("<mark>here</mark> word50 "));
  EXPECT_TRUE(parts[0].ends_with(" …"));
  EXPECT_LT(parts[0].size(), 300U);
}

TEST(Highlight, matches_far_apart_have_parts_of_their_own_and_there_are_three) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "{{hit}} " + std::string(500, 'x') + " ";
  EXPECT_EQ(highlights_of(text, kMarks).size(), 3U);
}

TEST(Highlight, a_text_full_of_matches_makes_no_long_answer) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "{{a}} ";
  std::size_t bytes = 0;
  for (const auto& part : highlights_of(text, kMarks)) bytes += part.size();
  EXPECT_LT(bytes, 10'000U);
}

TEST(Highlight, no_character_is_cut_wherever_the_match_is) {
  for (std::size_t before = 0; before < 80; ++before) {
    std::string text;
    for (std::size_t i = 0; i < before; ++i) text += "é€𝄞";
    const auto parts = highlights_of(text + "{{é}}" + text + text, kMarks);
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_TRUE(text::is_utf8(parts[0])) << before;
    EXPECT_THAT(parts[0], HasSubstr("<mark>é</mark>"));
  }
}

TEST(Highlight, a_match_longer_than_a_part_is_cut) {
  const auto parts = highlights_of("{{" + std::string(3'000, 'x') + "}} end", kMarks);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_LT(parts[0].size(), 400U);
}

}  // namespace
}  // namespace indaba::search
