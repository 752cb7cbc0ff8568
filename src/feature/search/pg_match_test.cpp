#include "feature/search/pg_match.hpp"

#include <gtest/gtest.h>

namespace indaba::search {
namespace {

std::string query_of(queries::Between between) {
  return tsquery_of({}, {}, {OrgId(7)}, between);
}

TEST(TsQuery, has_each_phrase_and_all_that_narrows) {
  Wanted wanted;
  wanted.link = wanted.reply = true;
  const std::vector<chat::RoomId> rooms{chat::RoomId(1), chat::RoomId(2)};
  EXPECT_EQ(tsquery_of(wanted, {{{"at", "ni"}, true}, {{"x"}, false}}, {OrgId(7), UserId(5), rooms},
                       {0, 10}),
            "('at' <-> 'ni':*) & ('x') & ':o7' & ':u5' & ':link' & ':reply' & (':b0')"
            " & (':r1' | ':r2')");
}

TEST(TsQuery, covers_its_ids_with_few_blocks) {
  EXPECT_EQ(query_of({0, 1}), "':o7' & (':b0')");
  EXPECT_EQ(query_of({1022, 1025}), "':o7' & (':b0' | ':b1')");
  EXPECT_EQ(query_of({1023, 1025}), "':o7' & (':b1')");
  EXPECT_EQ(query_of({-1, 32'768}), "':o7' & (':c0')");
  EXPECT_EQ(query_of({-1, 32'767}), "':o7' & (':c0')");
  EXPECT_EQ(query_of({31 * 1024, 3 * 32'768 + 1}), "':o7' & (':b31' | ':c1' | ':c2' | ':b96')");
}

TEST(TsQuery, quotes_what_could_be_syntax) {
  EXPECT_EQ(tsquery_of({}, {{{"a'b\\"}, false}}, {OrgId(7)}, {0, 1}),
            "('a''b\\\\') & ':o7' & (':b0')");
}

TEST(TsVector, has_every_word_with_its_place) {
  EXPECT_EQ(tsvector_of({{"a", 0, 1}, {"b", 2, 3}, {"a", 4, 5}}), "'a':1 'b':2 'a':3 ");
  EXPECT_EQ(tsvector_of({}), "");
}

}  // namespace
}  // namespace indaba::search
