#include "base/reflect.hpp"

#include "base/json.hpp"

#include <gtest/gtest.h>

#include <array>

namespace indaba::json {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

enum class Verb { create, delete_ };
BOOST_DESCRIBE_ENUM(Verb, create, delete_)

struct Payload {
  Text<1, 5> title;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Payload, (), (title, note))

struct Base {
  UserId user;
};
BOOST_DESCRIBE_STRUCT(Base, (), (user))

struct Everything : Base {
  std::string name;
  bool ok = false;
  int small = 0;
  std::int64_t large = 0;
  double ratio = 0;
  Seq seq;
  WallTime at{};
  Verb verb = Verb::create;
  Payload payload;
  std::vector<Payload> more;
  std::optional<WallTime> due_at;
  Raw raw;
  Object object;
  Int<1, 200> limit{50};
  Slug slug;
  bool default_ = true;
  static constexpr std::array kDefaulted{"limit"sv, "default"sv};
};
BOOST_DESCRIBE_STRUCT(Everything, (Base),
                      (name, ok, small, large, ratio, seq, at, verb, payload, more, due_at, raw,
                       object, limit, slug, default_))

struct Change {
  Patch<Text<1, 10>> title;
  Patch<std::int64_t> weight;
};
BOOST_DESCRIBE_STRUCT(Change, (), (title, weight))

struct Search {
  std::optional<Text<1, 20>> q;
  Int<1, 200> limit{50};
  bool all = false;
  std::vector<Verb> verb;
  std::vector<UserId> user;
  std::optional<Seq> after;
  std::optional<WallTime> since;
  std::optional<double> ratio;
  static constexpr std::array kDefaulted{"limit"sv, "all"sv};
};
BOOST_DESCRIBE_STRUCT(Search, (), (q, limit, all, verb, user, after, since, ratio))

struct Empty {};
BOOST_DESCRIBE_STRUCT(Empty, (), ())

struct Strict {
  UserId id;
  Text<2, 3> text;
};
BOOST_DESCRIBE_STRUCT(Strict, (), (id, text))

constexpr std::string_view kEverything =
    R"({"user":7,"name":"anna","ok":true,"small":-5,"large":9223372036854775807,"ratio":0.1,)"
    R"("seq":0,"at":"2026-01-12T09:30:00.123Z","verb":"delete",)"
    R"("payload":{"title":"abc","note":null},"more":[{"title":"x","note":"y"}],"due_at":null,)"
    R"("raw":[1,{"a":"b"}],"object":{"z":1},"limit":7,"slug":"demo","default":false})";

template <class T>
Result<T> read_text(std::string_view text) {
  INDABA_TRY(const auto value, parse(text));
  return read<T>(value);
}

// "field code, field code"
template <class T>
std::string problems_of(const Result<T>& result) {
  std::string out;
  if (result) return "none";
  EXPECT_EQ(result.error().kind, ErrorKind::invalid);
  for (const auto& problem : result.error().fields)
    out += (out.empty() ? "" : ", ") + problem.field + " " + problem.code;
  return out;
}

TEST(Reflect, reads_and_writes_every_kind_of_member) {
  const auto all = read_text<Everything>(kEverything);
  ASSERT_TRUE(all) << problems_of(all);
  EXPECT_EQ(all->user, UserId(7));
  EXPECT_EQ(all->verb, Verb::delete_);
  EXPECT_EQ(all->more.at(0).note, "y");
  EXPECT_EQ(all->raw.text, R"([1,{"a":"b"}])");
  EXPECT_EQ(all->limit, 7);
  EXPECT_EQ(to_json(*all), kEverything);
}

TEST(Reflect, optional_and_defaulted_members_may_be_left_out) {
  const auto all = read_text<Everything>(
      R"({"user":7,"name":"","ok":true,"small":1,"large":1,"ratio":1,"seq":1,)"
      R"("at":"2026-01-12T09:30:00Z","verb":"create","payload":{"title":"a"},"raw":null,)"
      R"("object":{},"slug":"a"})");
  ASSERT_TRUE(all) << problems_of(all);
  EXPECT_EQ(all->limit, 50);
  EXPECT_TRUE(all->default_);
  EXPECT_TRUE(all->more.empty());
  EXPECT_FALSE(all->due_at);
  EXPECT_EQ(all->raw.text, "null");
}

TEST(Reflect, names_every_problem_with_its_path) {
  const auto wrong = read_text<Everything>(
      R"({"user":0,"name":5,"ok":"true","small":2147483648,"large":1.5,"ratio":"1","seq":-1,)"
      R"("at":"yesterday","verb":"delete_","payload":{"title":"123456","x":1},)"
      R"("more":[{"title":"a"},{}],"object":[],"limit":0,"slug":"A","due_at":5})");
  EXPECT_EQ(problems_of(wrong),
            "user invalid_field, name invalid_field, ok invalid_field, small invalid_field, "
            "large invalid_field, ratio invalid_field, seq invalid_field, at invalid_field, "
            "verb invalid_field, payload.title too_long, payload.x unknown_field, "
            "more.1.title missing_field, due_at invalid_field, raw missing_field, "
            "object invalid_field, limit invalid_field, slug invalid_field");
  EXPECT_EQ(wrong.error().detail, "17 fields of the request are wrong.");
  EXPECT_EQ(wrong.error().fields.at(8).message, "verb must be one of create, delete.");
}

TEST(Reflect, one_problem_is_the_detail_itself) {
  const auto wrong = read_text<Strict>(R"({"id":1,"text":"a"})");
  EXPECT_EQ(wrong.error().detail, "text must be at least 2 characters long.");
  EXPECT_EQ(problems_of(read_text<Strict>("[]")), " invalid_field");
  EXPECT_EQ(read_text<Strict>("[]").error().detail, "The request must be an object.");
}

TEST(Reflect, ids_stay_where_javascript_can_hold_them) {
  EXPECT_TRUE(read_text<Strict>(R"({"id":9007199254740991,"text":"ab"})"));
  EXPECT_TRUE(read_text<Strict>(R"({"id":5.0,"text":"ab"})"));
  for (const auto bad : {"9007199254740992"sv, "18446744073709551615"sv, "1e300"sv, "0"sv, "-1"sv,
                         "\"1\""sv, "null"sv, "true"sv, "1.5"sv})
    EXPECT_EQ(problems_of(read_text<Strict>("{\"text\":\"ab\",\"id\":" + std::string(bad) + "}")),
              "id invalid_field")
        << bad;
}

TEST(Reflect, texts_are_measured_in_characters_and_hold_no_nul) {
  EXPECT_TRUE(read_text<Strict>("{\"id\":1,\"text\":\"\U0001F600\U0001F600\U0001F600\"}"));
  EXPECT_EQ(problems_of(read_text<Strict>(R"({"id":1,"text":"a\u0000"})")), "text invalid_field");
}

TEST(Reflect, stops_after_a_few_problems_and_cuts_hostile_names) {
  std::string text = R"({"id":1,"text":"ab")";
  for (int i = 0; i < 1000; ++i) append_member(text, "n" + std::to_string(i), i);
  const auto wrong = read_text<Strict>(text + "}");
  EXPECT_EQ(wrong.error().fields.size(), Problems::kMost);
  const auto long_name =
      read_text<Strict>(R"({"id":1,"text":"ab",")" + std::string(100'000, 'x') + "\":1}");
  EXPECT_EQ(long_name.error().fields.at(0).field.size(), 64U);
}

TEST(Reflect, a_struct_without_members_takes_only_an_empty_object) {
  EXPECT_TRUE(read_text<Empty>("{}"));
  EXPECT_EQ(problems_of(read_text<Empty>(R"({"__proto__":1})")), "__proto__ unknown_field");
  EXPECT_EQ(to_json(Empty{}), "{}");
}

TEST(Reflect, a_patch_tells_absent_null_and_value_apart) {
  const auto change = read_text<Change>(R"({"weight":null})");
  ASSERT_TRUE(change);
  EXPECT_TRUE(change->title.is_absent());
  EXPECT_TRUE(change->weight.is_null());
  EXPECT_EQ(change->weight.over(3), std::nullopt);
  const auto other = read_text<Change>(R"({"weight":5,"title":"new"})");
  EXPECT_EQ(*other->weight, 5);
  EXPECT_EQ(other->title->str(), "new");
  EXPECT_EQ(Change().weight.over(3), 3);
  EXPECT_EQ(to_json(*change), R"({"weight":null})");
  EXPECT_EQ(problems_of(read_text<Change>(R"({"title":""})")), "title invalid_field");
}

TEST(Reflect, enumerators_have_wire_names) {
  EXPECT_EQ(name_of(Verb::delete_), "delete");
  EXPECT_EQ(from_name<Verb>("delete"), Verb::delete_);
  EXPECT_FALSE(from_name<Verb>("delete_"));
}

TEST(ReflectDeathTest, a_wrong_value_of_the_program_itself_is_a_broken_invariant) {
  EXPECT_DEATH((Text<1, 3>("")), "must fit its limits");
  EXPECT_DEATH((Int<1, 3>(4)), "in range");
  EXPECT_DEATH((Slug("A")), "slug");
}

TEST(Schema, tells_what_a_request_must_look_like) {
  EXPECT_EQ(
      to_text(schema<Payload>()),
      R"({"type":"object","properties":{"title":{"type":"string","minLength":1,"maxLength":5},)"
      R"("note":{"type":["string","null"]}},"required":["title"],)"
      R"("additionalProperties":false})");
  EXPECT_EQ(to_text(schema<Payload>(Use::output).at("required")), R"(["title","note"])");
  const auto all = schema<Everything>();
  const auto& properties = all.at("properties");
  EXPECT_EQ(to_text(properties.at("user")),
            R"({"type":"integer","minimum":1,"maximum":9007199254740991})");
  EXPECT_EQ(to_text(properties.at("verb")), R"({"type":"string","enum":["create","delete"]})");
  EXPECT_EQ(to_text(properties.at("due_at")), R"({"type":["string","null"],"format":"date-time"})");
  EXPECT_EQ(to_text(properties.at("limit")), R"({"type":"integer","minimum":1,"maximum":200})");
  EXPECT_EQ(to_text(properties.at("raw")), "{}");
  EXPECT_EQ(properties.at("more").at("items"), schema<Payload>());
  EXPECT_EQ(all.at("required").as_array().size(), 13U);
  EXPECT_EQ(to_text(schema<std::optional<Verb>>()),
            R"({"type":["string","null"],"enum":["create","delete",null]})");
}

TEST(Query, reads_every_kind_of_parameter) {
  const std::vector<QueryPair> pairs{{"q", "5"},      {"limit", "10"},
                                     {"all", "true"}, {"verb", "create"},
                                     {"user", "1"},   {"verb", "delete"},
                                     {"after", "0"},  {"ratio", "1.5"},
                                     {"user", "2"},   {"since", "2026-01-12T09:30:00Z"}};
  const auto search = read_query<Search>(pairs);
  ASSERT_TRUE(search) << problems_of(search);
  EXPECT_EQ(search->q->str(), "5");
  EXPECT_EQ(search->limit, 10);
  EXPECT_TRUE(search->all);
  EXPECT_EQ(search->verb, (std::vector{Verb::create, Verb::delete_}));
  EXPECT_EQ(search->user, (std::vector{UserId(1), UserId(2)}));
  EXPECT_EQ(search->after, Seq(0));
  EXPECT_EQ(search->ratio, 1.5);
  EXPECT_TRUE(search->since);
}

TEST(Query, names_what_is_wrong_unknown_or_repeated) {
  const std::vector<QueryPair> pairs{{"q", ""},      {"limit", "10x"}, {"all", "yes"},
                                     {"x", "1"},     {"user", "1"},    {"user", "0"},
                                     {"after", "1"}, {"after", "2"},   {"since", "\xFF"}};
  EXPECT_EQ(problems_of(read_query<Search>(pairs)),
            "q invalid_field, limit invalid_field, all invalid_field, user.1 invalid_field, "
            "after invalid_field, since invalid_field, since invalid_field, x unknown_field");
  EXPECT_EQ(problems_of(read_query<Strict>({})), "id missing_field, text missing_field");
  EXPECT_TRUE(read_query<Search>({}));
}

}  // namespace
}  // namespace indaba::json
