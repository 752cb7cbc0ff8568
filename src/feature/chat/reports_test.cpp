#include "feature/chat/test_chat.hpp"

namespace indaba::chat {
namespace {

class ReportsTest : public ChatFixture {
 protected:
  http::Response report(std::string_view who, std::int64_t message,
                        std::string_view reason = "rude") {
    return send(who, fmt::format("POST /api/v1/messages/{}/report", message),
                fmt::format(R"({{"reason":"{}"}})", reason));
  }
  boost::json::array list(std::string_view who, std::string_view query = "") {
    return json_of(send(who, fmt::format("GET /api/v1/orgs/acme/reports{}", query)))
        .at("results")
        .as_array();
  }
  http::Response resolve_report(std::string_view who, const boost::json::value& report) {
    return send(who, fmt::format("POST /api/v1/reports/{}/resolve", report.at("id").as_int64()));
  }
};

TEST_F(ReportsTest, moderators_see_what_was_reported_until_it_is_dealt_with) {
  const auto message = say_text("ben", "bad words");
  const auto first = report("carla", message);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(json_of(report("carla", message, "again")).at("id"), json_of(first).at("id"));
  report("anna", message);
  const auto open = list("mia");
  ASSERT_EQ(open.size(), 2U);
  EXPECT_EQ(open[1].at("reason"), "rude");
  EXPECT_EQ(open[1].at("reporter").at("username"), "carla");
  EXPECT_EQ(open[1].at("message").at("body"), "bad words");
  EXPECT_EQ(open[1].at("room").at("slug"), "general");
  EXPECT_EQ(send("ben", "GET /api/v1/orgs/acme/reports").status, 403);
  EXPECT_EQ(resolve_report("ben", open[1]).status, 403);
  EXPECT_EQ(resolve_report("zoe", open[1]).status, 404);
  EXPECT_EQ(resolve_report("mia", open[1]).status, 200);
  EXPECT_EQ(resolve_report("anna", open[1]).status, 200) << "twice is once";
  EXPECT_EQ(list("mia").size(), 1U);
  const auto done = list("mia", "?status=resolved");
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].at("resolved_by").at("username"), "mia");
}

TEST_F(ReportsTest, nothing_is_told_of_a_message_that_the_caller_does_not_see) {
  make_room("secret", true);
  const auto hidden = say_text("anna", "psst", "secret");
  EXPECT_EQ(report("ben", hidden).status, 404);
  EXPECT_EQ(report("zoe", say_text("ben", "hello")).status, 404);
  EXPECT_EQ(report("anna", hidden).status, 201);
  EXPECT_TRUE(list("mia").empty()) << "not in the room";
  EXPECT_EQ(list("anna").size(), 1U);
  const auto two =
      send("ben", fmt::format("POST /api/v1/conversations/{}/messages", user("carla").value),
           R"({"body":"hi"})");
  EXPECT_EQ(report("carla", json_of(two).at("id").as_int64()).status, 403);
}

TEST_F(ReportsTest, a_deleted_message_shows_no_text_there_either) {
  const auto message = say_text("ben", "bad words");
  report("carla", message);
  send("mia", fmt::format("DELETE /api/v1/messages/{}", message));
  const auto open = list("mia");
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].at("message").at("deleted"), true);
  EXPECT_EQ(open[0].at("message").at("body"), "");
  EXPECT_EQ(report("anna", message).status, 409);
}

TEST_F(ReportsTest, with_an_account_go_its_positions_preferences_and_conversations) {
  say_text("ben", "stays");
  send("ben", fmt::format("POST /api/v1/conversations/{}/messages", user("carla").value),
       R"({"body":"goes"})");
  auto change = [this](db::WriteTx& tx) { return Chat::erase(tx, user("ben"), clock_.wall()); };
  ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), change));
  EXPECT_EQ(*db::run_on(executor_, service_.purge()), 1);
  auto query = [](db::Session& session) {
    return session.all<std::string>("SELECT body FROM messages",
                                    [](const db::Row& row) { return row.string(0); });
  };
  EXPECT_THAT(*db::read_blocking(*database_, query), testing::ElementsAre("stays"));
}

}  // namespace
}  // namespace indaba::chat
