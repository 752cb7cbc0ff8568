#include "http/message.hpp"

#include <gtest/gtest.h>

namespace indaba::http {
namespace {

TEST(Headers, keeps_names_in_lower_case_and_fields_in_order) {
  Headers headers;
  headers.add("X-One", "1");
  headers.add("X-TWO", "2");
  headers.add("x-one", "3");
  EXPECT_EQ(headers.find("x-one"), "1");
  EXPECT_EQ(headers.count("x-one"), 2U);
  EXPECT_EQ(headers.find("x-three"), std::nullopt);
  EXPECT_EQ(headers.fields().at(1).first, "x-two");
}

TEST(Headers, set_replaces_every_field_of_that_name) {
  Headers headers;
  headers.add("a", "1");
  headers.add("b", "2");
  headers.add("a", "3");
  headers.set("A", "4");
  EXPECT_EQ(headers.count("a"), 1U);
  EXPECT_EQ(headers.find("a"), "4");
  EXPECT_EQ(headers.find("b"), "2");
}

TEST(Headers, finds_a_token_in_any_field_of_the_list_ignoring_case) {
  Headers headers;
  headers.add("Connection", "keep-alive ,\tUPGRADE");
  headers.add("Connection", "close");
  EXPECT_TRUE(headers.has_token("connection", "upgrade"));
  EXPECT_TRUE(headers.has_token("connection", "close"));
  EXPECT_FALSE(headers.has_token("connection", "up"));
  EXPECT_FALSE(headers.has_token("connection", "upgrade2"));
}

TEST(Query, gives_decoded_pairs_in_order) {
  const auto pairs = parse_query("stream=me@12:e&stream=a%2Fb+c&&flag&empty=&x=1=2");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(
      *pairs,
      (QueryPairs{
          {"stream", "me@12:e"}, {"stream", "a/b c"}, {"flag", ""}, {"empty", ""}, {"x", "1=2"}}));
  EXPECT_EQ(parse_query(""), QueryPairs{});
}

TEST(Query, refuses_broken_escapes_and_what_is_no_clean_text) {
  for (const auto* query : {"a=%", "a=%4", "a=%zz", "%=1", "a=%ff", "a=%c0%af", "a=%00"})
    EXPECT_EQ(parse_query(query), std::nullopt) << query;
}

TEST(Method, is_known_by_its_exact_name_only) {
  for (const auto method : {Method::get, Method::head, Method::post, Method::put, Method::patch,
                            Method::delete_, Method::options})
    EXPECT_EQ(parse_method(to_string(method)), method);
  EXPECT_EQ(parse_method("get"), std::nullopt);
  EXPECT_EQ(parse_method("TRACE"), std::nullopt);
}

}  // namespace
}  // namespace indaba::http
