#include "base/json.hpp"

#include "base/json_write.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace indaba::json {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string again(std::string_view text) {
  const auto value = parse(text);
  return value ? to_text(*value) : "refused: " + value.error().detail;
}

void expect_refused(std::string_view text, std::string_view why) {
  const auto value = parse(text);
  ASSERT_FALSE(value) << text.substr(0, 60);
  EXPECT_EQ(value.error().kind, ErrorKind::malformed);
  EXPECT_NE(value.error().detail.find(why), std::string::npos) << value.error().detail;
}

TEST(JsonParse, reads_every_kind_of_value) {
  EXPECT_EQ(again(R"( {"a":[1,-2,3.5,true,false,null,"x",{}],"b":{"c":[]}} )"),
            R"({"a":[1,-2,3.5,true,false,null,"x",{}],"b":{"c":[]}})");
  EXPECT_EQ(again("0"), "0");
  EXPECT_EQ(again("\"\""), "\"\"");
  EXPECT_EQ(again("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(again(R"({"__proto__":1,"":2})"), R"({"__proto__":1,"":2})");
}

TEST(JsonParse, joins_names_and_strings_that_escapes_cut_into_parts) {
  EXPECT_EQ(again(R"({"a\nb\u0041":"\ud83d\ude00\u0000\/"})"),
            "{\"a\\nbA\":\"\U0001F600\\u0000/\"}");
}

TEST(JsonParse, reads_doubles_exactly) {
  for (const double n : {0.1, 1.0 / 3, 9007199254740993e3, 2.2250738585072014e-308, 5e-324,
                         1.7976931348623157e308, -123456.789e-7}) {
    std::string text;
    append_double(text, n);
    const auto value = parse(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(value->as_double(), n) << text;
  }
  EXPECT_EQ(again("1.0"), "1.0");
  EXPECT_EQ(again("1e-999"), "0.0");
  EXPECT_EQ(again("0.0000000000000000000000000000001e31"), "1.0");
}

TEST(JsonParse, refuses_broken_text_with_the_position) {
  expect_refused("", "ends too early");
  expect_refused("{\"a\":1", "ends too early");
  expect_refused("{\"a\" 1}", "at byte 5");
  for (const auto bad :
       {"nul"sv, "{a:1}"sv, "[1,]"sv, "{\"a\":1,}"sv, "01"sv, "+1"sv, ".5"sv, "1."sv, "'a'"sv,
        "\"\n\""sv, "\"\\x\""sv, "/**/1"sv, "NaN"sv, "\xEF\xBB\xBF{}"sv, "-"sv, "\"\0\""sv})
    expect_refused(bad, "The JSON is broken at byte ");
}

TEST(JsonParse, refuses_bytes_behind_the_end) {
  expect_refused("{} {}", "more follows its end");
  expect_refused("1,", "more follows its end");
  expect_refused("{}\0"sv, "more follows its end");
  EXPECT_EQ(again("{}\r\n\t "), "{}");
}

TEST(JsonParse, refuses_a_name_that_stands_twice_at_any_depth) {
  expect_refused(R"({"a":1,"a":1})", "a name stands twice");
  expect_refused(R"([{"x":{"a":1,"b":2,"\u0061":3}}])", "a name stands twice");
  EXPECT_EQ(again(R"([{"a":1},{"a":{"a":2}}])"), R"([{"a":1},{"a":{"a":2}}])");
}

TEST(JsonParse, finds_a_double_name_in_a_large_object) {
  std::string text = "{";
  for (int i = 0; i < 1000; ++i) append_member(text, "n" + std::to_string(i), i);
  EXPECT_TRUE(parse(text + "}"));
  expect_refused(text + ",\"n500\":1}", "a name stands twice");
}

TEST(JsonParse, refuses_text_that_is_not_utf8) {
  for (const auto bad : {"\"\xFF\""sv, "\"\xC0\x80\""sv, "\"\xED\xA0\x80\""sv, "\"\xE2\x82\""sv,
                         "{\"\xF5\x80\x80\x80\":1}"sv})
    expect_refused(bad, "not UTF-8");
}

TEST(JsonParse, refuses_a_lone_surrogate) {
  for (const auto bad : {R"("\ud800")"sv, R"("\udc00")"sv, R"("\ud800\u0041")"sv, R"("\ud800x")"sv,
                         R"({"\udfff":1})"sv})
    expect_refused(bad, "The JSON is broken at byte ");
  expect_refused(R"("\udc00")", "a surrogate stands alone");
}

TEST(JsonParse, refuses_numbers_out_of_range) {
  for (const auto bad : {"1e999"sv, "-1e999"sv, "[1e309]"sv, "1e99999999999999"sv})
    expect_refused(bad, "a number is out of range");
  expect_refused("1" + std::string(400, '0'), "a number is out of range");
}

TEST(JsonParse, refuses_what_is_nested_too_deeply_before_it_costs_anything) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse(nested(32)));
  expect_refused(nested(33), "nested too deeply");
  expect_refused(nested(10'000), "at byte 32");
  expect_refused(std::string(1'000'000, '['), "nested too deeply");
  EXPECT_TRUE(parse(nested(3), {.depth = 3}));
  EXPECT_FALSE(parse(nested(4), {.depth = 3}));
}

TEST(JsonWrite, escapes_whatever_could_break_a_line_or_a_script) {
  std::string out;
  append_string(out, "a\"\\\n\r\t\0\x1f\x7f\u2028\u2029\u20AC"s);
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\r\\t\\u0000\\u001f\\u007f\\u2028\\u2029\u20AC\"");
}

TEST(JsonWrite, replaces_what_is_not_utf8) {
  std::string out;
  append_string(out, "a\xFF\xE2\x82z\xED\xA0\x80");
  EXPECT_EQ(out, "\"a\uFFFD\uFFFD\uFFFDz\uFFFD\uFFFD\uFFFD\"");
  EXPECT_TRUE(parse(out));
}

TEST(JsonWrite, members_take_a_comma_unless_they_open_the_object) {
  std::string object = "{";
  append_member(object, "id", UserId(7));
  append_member(object, "seq", Seq(3));
  append_member(object, "name", "anna");
  append_member(object, "ok", true);
  append_member(object, "ratio", 0.5);
  append_member(object, "at", from_millis(0));
  append_member(object, "none", nullptr);
  append_member(object, "data", Raw{"[1]"});
  append_member(object, "more", Object{});
  append_member(object, "tree", boost::json::value{1, "x"});
  object += '}';
  EXPECT_EQ(
      object,
      R"({"id":7,"seq":3,"name":"anna","ok":true,"ratio":0.5,"at":"1970-01-01T00:00:00.000Z",)"
      R"("none":null,"data":[1],"more":{},"tree":[1,"x"]})");
  std::string tail;
  append_member(tail, "task_id", 1);
  EXPECT_EQ(tail, ",\"task_id\":1");
}

TEST(JsonWrite, numbers_that_json_does_not_know_are_null) {
  std::string out;
  append_double(out, std::numeric_limits<double>::infinity());
  append_double(out, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(out, "nullnull");
}

}  // namespace
}  // namespace indaba::json
