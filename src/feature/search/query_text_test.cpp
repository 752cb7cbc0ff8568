#include "feature/search/query_text.hpp"

#include "feature/search/match.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::search {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Result<Wanted> read(std::string q) {
  SearchMessages asked;
  asked.q = json::Text<0, 200>(std::move(q));
  return read_query(asked);
}

std::string refused_field(const Result<Wanted>& wanted) {
  return wanted ? "" : wanted.error().fields.front().field;
}

TEST(QueryText, words_and_phrases_are_terms) {
  const auto wanted = read("  budget \"final report\" tab*\tend");
  EXPECT_THAT(wanted->terms,
              ElementsAre(Term{"budget"}, Term{"final report"}, Term{"tab", true}, Term{"end"}));
}

TEST(QueryText, operators_narrow_and_their_names_have_no_case) {
  const auto wanted =
      read("from:anna In:general before:2026-02-01 AFTER:2026-01-12 has:link has:reply");
  EXPECT_THAT(wanted->terms, IsEmpty());
  EXPECT_EQ(wanted->author, "anna");
  EXPECT_EQ(wanted->room, "general");
  EXPECT_EQ(to_rfc3339(*wanted->until), "2026-02-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(*wanted->since), "2026-01-13T00:00:00.000Z");
  EXPECT_TRUE(wanted->link && wanted->reply && !wanted->reaction);
}

TEST(QueryText, a_moment_is_that_moment) {
  const auto wanted = read("before:2026-02-01T10:00:00+02:00 after:2026-01-12T08:00:00.500Z");
  EXPECT_EQ(to_rfc3339(*wanted->until), "2026-02-01T08:00:00.000Z");
  EXPECT_EQ(to_rfc3339(*wanted->since), "2026-01-12T08:00:00.501Z");
}

TEST(QueryText, what_is_no_operator_is_a_word) {
  const auto wanted = read("https://example.com re:mind from: \"from:anna\" -minus OR NEAR(a b)");
  EXPECT_THAT(wanted->terms, ElementsAre(Term{"https://example.com"}, Term{"re:mind"},
                                         Term{"from:"}, Term{"from:anna"}, Term{"-minus"},
                                         Term{"OR"}, Term{"NEAR(a"}, Term{"b)"}));
  EXPECT_FALSE(wanted->author);
}

TEST(QueryText, parameters_say_the_same_as_operators_and_not_both) {
  SearchMessages asked;
  asked.room = FilterText("general");
  asked.from = FilterText("anna");
  asked.before = FilterText("2026-02-01");
  asked.after = FilterText("2026-01-12");
  const auto wanted = read_query(asked);
  EXPECT_EQ(wanted->room, "general");
  EXPECT_EQ(wanted->author, "anna");
  EXPECT_TRUE(wanted->until && wanted->since);
  asked.q = json::Text<0, 200>("in:other");
  EXPECT_EQ(refused_field(read_query(asked)), "room");
  EXPECT_EQ(refused_field(read("from:anna from:ben")), "q");
}

TEST(QueryText, what_cannot_be_meant_is_refused) {
  EXPECT_EQ(refused_field(read("")), "q");
  EXPECT_EQ(refused_field(read("  * \"\" ")), "q");
  EXPECT_EQ(refused_field(read("before:yesterday")), "q");
  EXPECT_EQ(refused_field(read("after:2026-13-01")), "q");
  EXPECT_EQ(refused_field(read("has:everything")), "q");
  EXPECT_EQ(refused_field(read("a*")), "q");
  SearchMessages asked;
  asked.after = FilterText("soon");
  EXPECT_EQ(refused_field(read_query(asked)), "after");
  EXPECT_EQ(refused_field(read("a b c d e f g h i j k l m n o p q")), "q");
  EXPECT_EQ(read("a b c d e f g h i j k l m n o p")->terms.size(), kMostTerms);
}

TEST(QueryText, a_quote_that_is_never_closed_ends_with_the_text) {
  EXPECT_THAT(read("say \"never closed")->terms, ElementsAre(Term{"say"}, Term{"never closed"}));
  EXPECT_THAT(read("half\"quoted\"")->terms, ElementsAre(Term{"half"}, Term{"quoted"}));
}

TEST(Match, everything_typed_is_quoted) {
  Wanted wanted;
  wanted.terms = {{"NEAR(a"}, {"b\" OR c"}, {"pre", true}};
  wanted.link = true;
  const std::vector<chat::RoomId> rooms{chat::RoomId(3), chat::RoomId(4)};
  EXPECT_EQ(match_of(wanted, {OrgId(7), UserId(5), rooms}, {1, 2}),
            R"({body} : ("NEAR(a" "b"" OR c" "pre"* ) AND {places} : ("o7" "u5" "link"))"
            R"( AND {places} : ("b1" OR "b2") AND {places} : ("r3" OR "r4"))");
}

}  // namespace
}  // namespace indaba::search
