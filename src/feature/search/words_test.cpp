#include "feature/search/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::search {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> words_of(const WordReader& reader, std::string_view text) {
  std::vector<std::string> out;
  for (auto& word : reader.read(text)) out.push_back(std::move(word.text));
  return out;
}

TEST(Words, are_runs_of_letters_and_digits_without_case_and_accents) {
  const WordReader reader;
  EXPECT_THAT(words_of(reader, "The Café, KÖLN-7.3 e\u0301t\u00e9"),
              ElementsAre("the", "cafe", "koln", "7", "3", "ete"));
  EXPECT_THAT(words_of(reader, "https://plan.example/a_b?c='d'"),
              ElementsAre("https", "plan", "example", "a", "b", "c", "d"));
  EXPECT_THAT(words_of(reader, "Привет мир 日本 ǅ"), ElementsAre("привет", "мир", "日本", "ǆ"));
  EXPECT_THAT(words_of(reader, "!!! 😀 \\ ' :"), IsEmpty());
  EXPECT_THAT(words_of(reader, ""), IsEmpty());
}

TEST(Words, know_where_they_stand) {
  const WordReader reader;
  const auto words = reader.read("é É!");
  ASSERT_EQ(words.size(), 2U);
  EXPECT_EQ(words[1].begin, 3U);
  EXPECT_EQ(words[1].end, 5U);
}

TEST(Words, that_are_too_long_end_between_two_characters) {
  const WordReader reader;
  std::string text = "a";
  for (int i = 0; i < 600; ++i) text += "ж";
  const auto words = reader.read(text);
  ASSERT_EQ(words.size(), 1U);
  EXPECT_EQ(words[0].text, text.substr(0, WordReader::kLongest - 1));
  EXPECT_EQ(words[0].end, text.size());
}

std::string marked(std::string_view text, const std::vector<Term>& terms) {
  const WordReader reader;
  return marked_text(text, phrases_of(terms, reader), reader, {"<", ">"});
}

TEST(MarkedText, has_marks_around_words_and_phrases_as_they_are_written) {
  EXPECT_EQ(marked("Opens at nine.", {{"OPENS"}, {"nin", true}}), "<Opens> at <nine>.");
  EXPECT_EQ(marked("at nine, at ten", {{"at nine"}}), "<at nine>, at ten");
  EXPECT_EQ(marked("a b c d", {{"a b"}, {"b c"}, {"d"}}), "<a b c> <d>");
  EXPECT_EQ(marked("a b a b", {{"a b"}}), "<a b> <a b>");
  EXPECT_EQ(marked("Café", {{"cafe"}}), "<Café>");
  EXPECT_EQ(marked("nothing here", {{"!!!"}, {"other"}}), "nothing here");
  EXPECT_EQ(marked("x foo-bar y", {{"foo-b", true}}), "x <foo-bar> y");
}

}  // namespace
}  // namespace indaba::search
