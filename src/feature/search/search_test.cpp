#include "feature/search/test_search.hpp"

namespace indaba::search {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SearchTest : public SearchFixture, public testing::WithParamInterface<db::Backend> {
 protected:
  SearchTest() : SearchFixture(GetParam()) {}
};

INSTANTIATE_TEST_SUITE_P(
    Each, SearchTest, testing::ValuesIn(db::present({db::Backend::sqlite, db::Backend::postgres})),
    db::backend_name);

TEST_P(SearchTest, all_words_must_occur_whatever_their_case_and_accents) {
  say_text("ben", "The Café opens at nine");
  say_text("anna", "CAFE closes");
  say_text("anna", "opens");
  EXPECT_THAT(found("carla", "cafe"), ElementsAre("CAFE closes", "The Café opens at nine"));
  EXPECT_THAT(found("carla", "café OPENS"), ElementsAre("The Café opens at nine"));
  EXPECT_THAT(found("carla", "caf"), IsEmpty());
  EXPECT_THAT(found("carla", "caf* nin*"), ElementsAre("The Café opens at nine"));
  EXPECT_THAT(found("carla", "\"at nine\""), ElementsAre("The Café opens at nine"));
  EXPECT_THAT(found("carla", "\"nine at\""), IsEmpty());
}

TEST_P(SearchTest, a_result_is_a_message_as_in_history_with_its_room_and_highlights) {
  const auto id = say_text("ben", "one <b>budget</b>");
  change_message("carla", "PUT", id, "/reactions/ok");
  const auto hits = results("carla", "budget");
  ASSERT_EQ(hits.size(), 1U);
  auto hit = hits[0].as_object();
  EXPECT_EQ(hit.at("room").at("slug"), "general");
  EXPECT_EQ(hit.at("room").at("name"), "general");
  EXPECT_THAT(hit.at("highlights").as_array(),
              ElementsAre("one &lt;b&gt;<mark>budget</mark>&lt;/b&gt;"));
  hit.erase("room");
  hit.erase("highlights");
  EXPECT_EQ(hit, history("carla").at("messages").at(0).as_object());
  EXPECT_EQ(hit.at("reactions").at(0).at("reacted"), true);
}

TEST_P(SearchTest, what_is_edited_deleted_and_restored_is_found_as_it_is) {
  const auto id = say_text("ben", "first words");
  change_message("ben", "PATCH", id, "", R"({"body":"second thoughts"})");
  EXPECT_THAT(found("carla", "first"), IsEmpty());
  EXPECT_THAT(found("carla", "second"), ElementsAre("second thoughts"));
  change_message("ben", "DELETE", id);
  EXPECT_THAT(found("anna", "second"), IsEmpty());
  EXPECT_EQ(count("SELECT count(*) FROM message_index"), 0);
  change_message("mia", "POST", id, "/restore");
  EXPECT_THAT(found("carla", "second"), ElementsAre("second thoughts"));
  check_integrity();
}

TEST_P(SearchTest, a_private_room_is_for_its_members_and_admins) {
  make_room("secret", true);
  say_text("anna", "the plan", "secret");
  EXPECT_THAT(found("anna", "plan"), ElementsAre("the plan"));
  EXPECT_THAT(found("ben", "plan"), IsEmpty());
  EXPECT_THAT(found("mia", "plan"), IsEmpty());
  EXPECT_THAT(found("key", "plan"), ElementsAre("the plan"));
  let_in("ben", "secret");
  EXPECT_THAT(found("ben", "plan"), ElementsAre("the plan"));
  put_out("ben", "secret");
  EXPECT_THAT(found("ben", "plan"), IsEmpty());
  EXPECT_THAT(found("ben", "plan in:secret"), IsEmpty());
  send("anna", "PATCH /api/v1/orgs/acme/rooms/secret", R"({"private":false})");
  EXPECT_THAT(found("ben", "plan in:secret"), ElementsAre("the plan"));
}

TEST_P(SearchTest, a_room_that_is_deleted_is_not_searched_nor_its_entries_kept) {
  make_room("old");
  say_text("ben", "long gone", "old");
  say_text("ben", "still here");
  send("anna", "DELETE /api/v1/orgs/acme/rooms/old");
  EXPECT_THAT(found("anna", "gone"), IsEmpty());
  ASSERT_TRUE(db::run_on(executor_, service_.purge()));
  if (embedded()) {
    EXPECT_EQ(count("SELECT count(*) FROM message_index"), 2);
  }
  sweep();
  EXPECT_EQ(count("SELECT count(*) FROM message_index"), 1);
  if (embedded()) {
    EXPECT_EQ(count("SELECT count(*) FROM message_index_gone"), 0);
  }
  check_integrity();
}

TEST_P(SearchTest, an_organisation_takes_its_entries_with_it) {
  say_text("ben", "ours");
  execute("DELETE FROM orgs WHERE id = $1 AND $2 = 0", acme_.org.value);
  EXPECT_EQ(count("SELECT count(*) FROM messages"), 0);
  sweep();
  EXPECT_EQ(count("SELECT count(*) FROM message_index"), 0);
  check_integrity();
}

TEST_P(SearchTest, another_organisation_finds_nothing_of_it) {
  say_text("ben", "ours alone");
  EXPECT_EQ(ask("zoe", "ours").status, 404);
  send("zoe", "POST /api/v1/orgs/other/rooms", R"({"slug":"general"})");
  send("zoe", "POST /api/v1/orgs/other/rooms/general/messages", R"({"body":"ours too"})");
  EXPECT_THAT(found("anna", "ours"), ElementsAre("ours alone"));
  const auto theirs = json_of(send("zoe", "GET /api/v1/orgs/other/search?q=ours"));
  EXPECT_THAT(bodies_of(theirs.at("results").as_array()), ElementsAre("ours too"));
  EXPECT_THAT(
      json_of(send("zoe", "GET /api/v1/orgs/other/search?from=ben")).at("results").as_array(),
      IsEmpty());
  EXPECT_EQ(send("key", "GET /api/v1/orgs/other/search?q=ours").status, 404);
}

TEST_P(SearchTest, operators_and_parameters_narrow) {
  make_room("ops");
  const auto first = say_text("ben", "see https://example.com/budget");
  say_text("anna", "budget", "ops");
  say("carla", fmt::format(R"({{"body":"budget too","reply_to":{}}})", first));
  change_message("anna", "PUT", first, "/reactions/ok");
  EXPECT_THAT(found("ben", "budget from:Anna"), ElementsAre("budget"));
  EXPECT_THAT(found("ben", "budget", "&from=anna"), ElementsAre("budget"));
  EXPECT_THAT(found("ben", "budget in:ops"), ElementsAre("budget"));
  EXPECT_THAT(found("ben", "", "&room=ops"), ElementsAre("budget"));
  EXPECT_THAT(found("ben", "has:link"), ElementsAre("see https://example.com/budget"));
  EXPECT_THAT(found("ben", "budget has:reaction"), ElementsAre("see https://example.com/budget"));
  EXPECT_THAT(found("ben", "has:reply"), ElementsAre("budget too"));
  EXPECT_THAT(found("ben", "budget from:nobody"), IsEmpty());
  EXPECT_THAT(found("ben", "budget in:nowhere"), IsEmpty());
  EXPECT_THAT(found("ben", "\"example.com\""), ElementsAre("see https://example.com/budget"));
}

TEST_P(SearchTest, days_and_moments_narrow_also_where_the_clock_went_back) {
  const auto old = say_text("ben", "budget of old");
  say_text("ben", "budget of today");
  const auto odd = say_text("ben", "budget of a wrong clock");
  constexpr std::string_view kDate = "UPDATE messages SET created_at = $2 WHERE id = $1";
  execute(kDate, old, to_millis(*parse_rfc3339("2020-01-12T12:00:00Z")));
  execute(kDate, odd, to_millis(*parse_rfc3339("2019-01-12T00:00:00Z")));
  EXPECT_THAT(found("anna", "budget before:2020-01-13"),
              ElementsAre("budget of a wrong clock", "budget of old"));
  EXPECT_THAT(found("anna", "budget before:2020-01-12"), ElementsAre("budget of a wrong clock"));
  EXPECT_THAT(found("anna", "budget after:2019-01-12 before:2021-01-01"),
              ElementsAre("budget of old"));
  EXPECT_THAT(found("anna", "budget after:2019-01-11 before:2019-01-13"),
              ElementsAre("budget of a wrong clock"));
  EXPECT_THAT(found("anna", "budget after:2020-01-12"), ElementsAre("budget of today"));
  EXPECT_THAT(found("anna", "budget after:2020-01-12T11:59:59Z"),
              ElementsAre("budget of today", "budget of old"));
  EXPECT_THAT(found("anna", "", "&before=2019-01-12"), IsEmpty());
}

TEST_P(SearchTest, pages_follow_each_other_while_messages_arrive) {
  for (int i = 0; i < 7; ++i) say_text("ben", fmt::format("note {}", i));
  const auto first = json_of(ask("anna", "note", "&limit=3"));
  EXPECT_THAT(bodies_of(first.at("results").as_array()), ElementsAre("note 6", "note 5", "note 4"));
  say_text("ben", "note new");
  const auto cursor = "&limit=3&cursor=" + std::string(first.at("next_cursor").as_string());
  const auto second = json_of(ask("anna", "note", cursor));
  EXPECT_THAT(bodies_of(second.at("results").as_array()),
              ElementsAre("note 3", "note 2", "note 1"));
  const auto last = "&limit=3&cursor=" + std::string(second.at("next_cursor").as_string());
  const auto third = json_of(ask("anna", "note", last));
  EXPECT_THAT(bodies_of(third.at("results").as_array()), ElementsAre("note 0"));
  EXPECT_TRUE(third.at("next_cursor").is_null());
}

TEST_P(SearchTest, a_cursor_fits_its_own_search_alone) {
  for (int i = 0; i < 3; ++i) say_text("ben", "note");
  const auto page = json_of(ask("anna", "note", "&limit=1"));
  const auto cursor = "&cursor=" + std::string(page.at("next_cursor").as_string());
  EXPECT_EQ(ask("anna", "note", cursor + "&limit=2").status, 200);
  EXPECT_EQ(ask("anna", "other", cursor).status, 400);
  EXPECT_EQ(ask("anna", "note", cursor + "&from=ben").status, 400);
  EXPECT_EQ(ask("anna", "note", cursor + "A").status, 400);
}

TEST_P(SearchTest, hostile_words_are_words) {
  say_text("ben", "plain near body and or not text o1");
  const std::vector<std::string> hostile{
      "\"",  "\"\"\"\"", "(",      ")",        "((((",      "NEAR(", "a AND",   "OR",
      "NOT", "^",        "body:x", "{body}:x", "places:o1", "- a",   "+",       "a+b",
      "\\",  "';--",     "%",      "\x01\x02", "!!!",       "😀",    "a\"b\"c", "*",
      "**",  "x**",      "\"*",    "in:",      "o1 OR *"};
  for (const auto& q : hostile) {
    const auto answer = ask("anna", q);
    EXPECT_TRUE(answer.status == 200 || answer.status == 422) << q << " " << answer.body;
    EXPECT_EQ(answer.body.find("fts5"), std::string::npos) << answer.body;
    EXPECT_EQ(answer.body.find("tsquery"), std::string::npos) << answer.body;
  }
  EXPECT_THAT(found("anna", "places:o1"), IsEmpty());
  EXPECT_EQ(found("anna", "o1").size(), 1U);
  EXPECT_EQ(found("anna", "NEAR AND OR NOT").size(), 1U);
  EXPECT_EQ(found("anna", "!!! plain").size(), 1U);
  EXPECT_THAT(found("anna", "!!!"), IsEmpty());
  EXPECT_EQ(ask("anna", std::string(10'000, '"')).status, 422);
  EXPECT_EQ(ask("anna", std::string("a\0b", 3)).status, 400);
  EXPECT_EQ(ask("anna", std::string(200, '"')).status, 422);
}

TEST_P(SearchTest, a_message_cannot_mark_itself) {
  say_text("ben", R"(word \u0001<x> <mark>all</mark> word)");
  const auto hits = results("anna", "word");
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].at("highlights").at(0).as_string(),
            "<mark>word</mark> \x01&lt;x&gt; &lt;mark&gt;all&lt;/mark&gt; <mark>word</mark>");
}

TEST_P(SearchTest, searches_have_a_limit_a_minute) {
  search_.limits().searches_per_minute = 2;
  EXPECT_EQ(ask("anna", "x").status, 200);
  EXPECT_EQ(ask("anna", "x").status, 200);
  EXPECT_EQ(ask("anna", "x").status, 429);
  EXPECT_EQ(ask("ben", "x").status, 200);
}

TEST_P(SearchTest, a_search_whose_time_is_up_goes_on_with_the_next_page) {
  std::vector<std::int64_t> said;
  for (int i = 0; i < 10; ++i) {
    said.insert(said.begin(), say_text("ben", "note"));
    skip_ids(50'000);
  }
  EXPECT_EQ(all_ids("anna", "note", 50), said);
  ticking_.tick = 30;
  const auto page = json_of(ask("anna", "note"));
  EXPECT_EQ(page.at("results").as_array().size(), embedded() ? 3U : 1U);  // of two blocks
  EXPECT_FALSE(page.at("next_cursor").is_null());
  EXPECT_EQ(all_ids("anna", "note", 50), said);
}

TEST_P(SearchTest, few_of_many_messages_come_in_pages_that_end) {
  make_room("hidden", true);
  const auto seen = say_text("anna", "common first");
  auto fill = [room = count("SELECT id FROM rooms WHERE slug = 'hidden'"),
               author = user("anna").value, this](db::WriteTx& tx) -> Result<void> {
    for (int i = 0; i < 40; ++i) {
      INDABA_TRY_VOID(tx.sql().execute(
          "INSERT INTO rooms (org_id, slug, name, kind, private, stream_id, created_at)"
          " VALUES ($1, 'r' || $2, 'r', 'chat', 0, 100000 + $2, 0)",
          acme_.org, i));
    }
    for (int i = 0; i < 9'000; ++i) {
      INDABA_TRY(
          const auto id,
          tx.sql().first<chat::MessageId>(
              "INSERT INTO messages (room_id, author_id, seq, number, body, created_at)"
              " VALUES ($1, $2, $3, $3, 'common', 1) RETURNING id",
              [](const db::Row& row) { return row.id<chat::MessageId>(0); }, room, author, i + 1));
      INDABA_TRY_VOID(search_index_->put(tx, *id, "common"));
    }
    return {};
  };
  ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), fill));
  const auto page = json_of(ask("ben", "common"));
  EXPECT_THAT(page.at("results").as_array(), IsEmpty());
  EXPECT_FALSE(page.at("next_cursor").is_null());
  EXPECT_THAT(all_ids("ben", "common", 10), ElementsAre(seen));
  EXPECT_EQ(all_ids("anna", "common", 200).size(), 9'001U);
}

}  // namespace
}  // namespace indaba::search
