#include "feature/tasks/tasks.hpp"

#include "feature/orgs/test_feature.hpp"
#include "stream/sql_store.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace indaba::tasks {
namespace {

class TasksTest : public orgs::FeatureFixture {
 protected:
  TasksTest() {
    service_.add_routes(endpoints_);
    start_feature();
    before_ = events().size();
  }
  http::Response call(std::string_view who, std::string_view method, std::string_view path,
                      std::string body = {}, std::string key = {}) {
    return send(who, fmt::format("{} /api/v1/orgs/acme/tasks{}", method, path), std::move(body),
                std::move(key));
  }
  std::int64_t create(std::string_view who, std::string body) {
    const auto response = call(who, "POST", "", std::move(body));
    EXPECT_EQ(response.status, 201) << response.body;
    return json_of(response).at("id").as_int64();
  }
  // The task events so far, as their bodies.
  std::vector<std::string> events() {
    auto page = db::read_blocking(*database_, [this](db::Session& session) -> Result<stream::Page> {
      INDABA_TRY(const auto org, orgs::find_org(session, acme_.org));
      return stream::read_page_after(session, org->notifications, Seq(), {});
    });
    std::vector<std::string> out;
    for (const auto& event : page->events)
      if (event->type == "task_event") out.push_back(event->body);
    return out;
  }

  api::Cursors cursors_{"a key"};
  Tasks service_{*database_, cursors_, clock_};
  std::size_t before_ = 0;
};

TEST_F(TasksTest, every_change_makes_one_event_that_says_who_did_what) {
  const auto id = create("ben", R"({"title":"Paint the door"})");
  const auto path = fmt::format("/{}", id);
  EXPECT_EQ(call("ben", "PATCH", path, R"({"status":"done"})").status, 200);
  EXPECT_EQ(call("anna", "PATCH", path,
                 fmt::format(R"({{"title":"Twice","assignee_id":{}}})", user("ben").value))
                .status,
            200);
  EXPECT_EQ(call("ben", "DELETE", path).status, 204);
  EXPECT_EQ(call("ben", "GET", path).status, 404);
  const auto told = events();
  ASSERT_EQ(told.size(), before_ + 4);
  const auto ben = user("ben").value;
  EXPECT_EQ(
      told[0],
      fmt::format(
          R"(,"task_id":{},"action":"created","details":{{}},"actor":{{"id":{},"username":"ben"}})",
          id, ben));
  EXPECT_NE(told[1].find(R"("action":"status_changed","details":{"from":"todo","to":"done"})"),
            std::string::npos);
  EXPECT_NE(told[2].find(R"("action":"updated","details":{"changed":["title","assignee_id"]})"),
            std::string::npos);
  EXPECT_NE(told[3].find(R"("action":"deleted")"), std::string::npos);
}

TEST_F(TasksTest, a_change_that_changes_nothing_makes_no_event) {
  const auto path = fmt::format("/{}", create("ben", R"({"title":"x","status":"doing"})"));
  const auto count = events().size();
  EXPECT_EQ(
      call("ben", "PATCH", path, R"({"status":"doing","title":"x","assignee_id":null})").status,
      200);
  EXPECT_EQ(call("ben", "PATCH", path, "{}").status, 200);
  EXPECT_EQ(events().size(), count);
}

TEST_F(TasksTest, only_members_can_be_assigned_and_an_assignee_can_be_cleared) {
  EXPECT_EQ(
      call("ben", "POST", "", fmt::format(R"({{"title":"x","assignee_id":{}}})", user("zoe").value))
          .status,
      422);
  const auto path = fmt::format(
      "/{}", create("ben", fmt::format(R"({{"title":"x","assignee_id":{}}})", user("anna").value)));
  EXPECT_EQ(
      call("ben", "PATCH", path, fmt::format(R"({{"assignee_id":{}}})", user("zoe").value)).status,
      422);
  EXPECT_TRUE(
      json_of(call("ben", "PATCH", path, R"({"assignee_id":null})")).at("assignee_id").is_null());
  EXPECT_EQ(call("ben", "GET", fmt::format("?assignee_id={}", user("zoe").value)).status, 422);
}

TEST_F(TasksTest, the_list_is_filtered_and_goes_on_by_its_cursor) {
  for (int i = 0; i < 5; ++i)
    create("ben",
           fmt::format(R"({{"title":"task {}","status":"{}"}})", i, i % 2 ? "done" : "todo"));
  std::vector<std::string> titles;
  std::string query = "?status=todo&limit=2";
  for (int page = 0; page < 3; ++page) {
    const auto list = json_of(call("anna", "GET", query));
    for (const auto& task : list.at("results").as_array())
      titles.emplace_back(task.at("title").as_string());
    if (list.at("next_cursor").is_null()) break;
    query = "?status=todo&limit=2&cursor=" + std::string(list.at("next_cursor").as_string());
  }
  EXPECT_EQ(titles, (std::vector<std::string>{"task 4", "task 2", "task 0"}));
  auto altered = query;
  altered.back() = altered.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(call("anna", "GET", altered).status, 400);
  EXPECT_EQ(call("anna", "GET", "?status=done" + query.substr(query.find("&limit"))).status, 400);
}

TEST_F(TasksTest, another_organisation_cannot_reach_a_task) {
  const auto id = create("ben", R"({"title":"secret"})");
  for (const auto* org : {"acme", "other"}) {
    const auto path = fmt::format("/api/v1/orgs/{}/tasks/{}", org, id);
    EXPECT_EQ(send("zoe", "GET " + path).status, 404);
    EXPECT_EQ(send("zoe", "PATCH " + path, R"({"title":"stolen"})").status, 404);
    EXPECT_EQ(send("zoe", "DELETE " + path).status, 404);
  }
  EXPECT_EQ(json_of(send("zoe", "GET /api/v1/orgs/other/tasks")).at("results").as_array().size(),
            0U);
  EXPECT_EQ(json_of(call("ben", "GET", fmt::format("/{}", id))).at("title"), "secret");
}

TEST_F(TasksTest, a_repeat_by_idempotency_key_makes_one_task) {
  const auto first = call("ben", "POST", "", R"({"title":"once"})", "k");
  const auto again = call("ben", "POST", "", R"({"title":"once"})", "\"k\"");
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(json_of(call("ben", "GET", "")).at("results").as_array().size(), 1U);
}

TEST_F(TasksTest, wrong_fields_are_named) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{}", "title"},
      {R"({"title":""})", "title"},
      {R"({"title":"x","status":"started"})", "status"},
      {R"({"title":"x","id":7})", "id"},
      {R"({"title":"x","assignee_id":"me"})", "assignee_id"}};
  for (const auto& [body, field] : cases) {
    const auto response = call("ben", "POST", "", body);
    EXPECT_EQ(response.status, 422);
    EXPECT_EQ(json_of(response).at("errors").at(0).at("field").as_string(), field) << body;
  }
  for (const auto* id : {"0", "-1", "abc", "9007199254740992"})
    EXPECT_EQ(call("ben", "GET", fmt::format("/{}", id)).status, 404) << id;
}

}  // namespace
}  // namespace indaba::tasks
