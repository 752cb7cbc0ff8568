#include "feature/notifications/notifications.hpp"

#include "feature/orgs/test_feature.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace indaba::notifications {
namespace {

struct ThreeOnline final : api::OnlineMembers {
  std::int64_t online(OrgId) const override { return 3; }
};

class NotificationsTest : public orgs::FeatureFixture {
 protected:
  NotificationsTest() {
    service_.add_routes(endpoints_);
    service_.add_streams(names_);
    start_feature();
    head_ = json_of(send("anna", "GET /api/v1/orgs/acme/notifications")).at("head").as_int64();
  }
  http::Response post(std::string_view who, std::string body, std::string key = {}) {
    return send(who, "POST /api/v1/orgs/acme/notifications", std::move(body), std::move(key));
  }
  boost::json::object get(std::string_view who, std::string_view path) {
    const auto response = send(who, "GET /api/v1/orgs/acme" + std::string(path));
    EXPECT_EQ(response.status, 200) << response.body;
    return json_of(response);
  }

  ThreeOnline online_;
  Notifications service_{*database_, memberships_, online_, clock_};
  std::int64_t head_ = 0;
};

TEST_F(NotificationsTest, an_event_carries_the_payloads_members_at_its_top_level) {
  const auto response =
      post("anna", R"({"type":"deploy_done","payload":{"version":"1.2","ok":true}})");
  ASSERT_EQ(response.status, 201) << response.body;
  const auto event = json_of(response);
  EXPECT_EQ(event.at("type"), "deploy_done");
  EXPECT_EQ(event.at("stream"), "orgs/acme/notifications");
  EXPECT_EQ(event.at("seq"), head_ + 1);
  EXPECT_EQ(event.at("version"), "1.2");
  EXPECT_EQ(event.at("actor").at("username"), "anna");
  EXPECT_EQ(get("ben", fmt::format("/notifications/{}", head_ + 1)), event);
}

TEST_F(NotificationsTest, reserved_names_frame_types_and_strange_types_are_refused) {
  for (const auto* name : {"type", "stream", "seq", "created_at", "actor", "ref"}) {
    const auto response =
        post("anna", fmt::format(R"({{"type":"note","payload":{{"{}":1}}}})", name));
    EXPECT_EQ(response.status, 422) << name;
    EXPECT_EQ(json_of(response).at("errors").at(0).at("field").as_string(),
              std::string("payload.") + name);
  }
  for (const auto* type : {"welcome", "publish", "Note", "a b", ""})
    EXPECT_EQ(post("anna", fmt::format(R"({{"type":"{}","payload":{{}}}})", type)).status, 422)
        << type;
  EXPECT_EQ(post("anna", R"({"type":"note"})").status, 422);
}

TEST_F(NotificationsTest, only_admins_and_keys_publish_and_strangers_see_nothing) {
  const std::string body = R"({"type":"note","payload":{}})";
  EXPECT_EQ(post("ben", body).status, 403);
  EXPECT_EQ(post("zoe", body).status, 404);
  EXPECT_EQ(post("", body).status, 401);
  const auto by_key = post("key", body);
  EXPECT_EQ(by_key.status, 201);
  EXPECT_FALSE(json_of(by_key).contains("actor"));
}

TEST_F(NotificationsTest, an_api_key_names_the_member_who_acted) {
  const auto ben = user("ben").value;
  const auto response =
      post("key", fmt::format(R"({{"type":"note","payload":{{}},"actor_id":{}}})", ben));
  EXPECT_EQ(json_of(response).at("actor").at("username"), "ben");
  const auto foreign = post(
      "key", fmt::format(R"({{"type":"note","payload":{{}},"actor_id":{}}})", user("zoe").value));
  EXPECT_EQ(foreign.status, 422);
}

TEST_F(NotificationsTest, a_dedupe_key_gives_the_first_event_again) {
  const std::string body = R"({"type":"note","payload":{"n":1},"dedupe_key":"k"})";
  const auto first = post("anna", body);
  const auto again = post("anna", body);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(first.body, again.body);
  const auto other = post("anna", R"({"type":"note","payload":{"n":2},"dedupe_key":"k"})");
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(code_of(other), "conflict");
}

TEST_F(NotificationsTest, an_idempotency_key_makes_one_event_and_repeats_its_answer) {
  const std::string body = R"({"type":"note","payload":{"n":1}})";
  const auto first = post("anna", body, "once");
  const auto again = post("anna", body, "once");
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.headers.find("idempotency-replayed"), "true");
  EXPECT_EQ(get("anna", "/notifications").at("head"), head_ + 1);
}

TEST_F(NotificationsTest, the_list_pages_from_since_oldest_first) {
  for (int i = 0; i < 5; ++i)
    post("anna", fmt::format(R"({{"type":"note","payload":{{"n":{}}}}})", i));
  const auto newest = get("ben", "/notifications?limit=2");
  EXPECT_EQ(newest.at("results").as_array().size(), 2U);
  EXPECT_EQ(newest.at("results").at(1).at("n"), 4);
  EXPECT_EQ(newest.at("has_more"), false);
  const auto page = get("ben", fmt::format("/notifications?since={}&limit=2", head_));
  EXPECT_EQ(page.at("results").at(0).at("n"), 0);
  EXPECT_EQ(page.at("next_since"), head_ + 2);
  EXPECT_EQ(page.at("has_more"), true);
  EXPECT_EQ(page.at("head"), head_ + 5);
  EXPECT_FALSE(page.at("epoch").as_string().empty());
  EXPECT_EQ(get("ben", "/notifications?since=999999").at("results").as_array().size(), 0U);
  EXPECT_EQ(send("ben", "GET /api/v1/orgs/acme/notifications?limit=201").status, 422);
  EXPECT_EQ(send("ben", "GET /orgs/acme/notifications/").status, 200);
}

TEST_F(NotificationsTest, a_long_event_is_truncated_in_lists_and_whole_by_its_number) {
  post("anna",
       fmt::format(R"({{"type":"note","payload":{{"text":"{}"}}}})", std::string(20'000, 'x')));
  EXPECT_EQ(get("ben", "/notifications?limit=1").at("results").at(0).at("truncated"), true);
  EXPECT_EQ(get("ben", fmt::format("/notifications/{}", head_ + 1)).at("text").as_string().size(),
            20'000U);
  EXPECT_EQ(send("ben", fmt::format("GET /api/v1/orgs/acme/notifications/{}", head_ + 2)).status,
            404);
  EXPECT_EQ(send("ben", "GET /api/v1/orgs/acme/notifications/0").status, 404);
}

TEST_F(NotificationsTest, the_read_position_moves_forward_alone_and_never_past_the_head) {
  for (int i = 0; i < 3; ++i) post("anna", R"({"type":"note","payload":{}})");
  EXPECT_EQ(get("ben", "/notifications/summary").at("unread"), head_ + 3);
  const auto read = [this](std::int64_t up_to) {
    return json_of(send("ben", "POST /api/v1/orgs/acme/notifications/read",
                        fmt::format(R"({{"up_to":{}}})", up_to)));
  };
  EXPECT_EQ(read(head_ + 2).at("unread"), 1);
  EXPECT_EQ(read(1).at("last_read_seq"), head_ + 2);
  EXPECT_EQ(read(1'000'000).at("last_read_seq"), head_ + 3);
  EXPECT_EQ(get("ben", "/notifications/summary").at("unread"), 0);
  EXPECT_EQ(get("anna", "/notifications/summary").at("last_read_seq"), 0);
}

TEST_F(NotificationsTest, what_is_muted_does_not_count_and_alerts_cannot_be_muted) {
  send("ben", "POST /api/v1/orgs/acme/notifications/read", fmt::format(R"({{"up_to":{}}})", head_));
  const std::string path = "PUT /api/v1/orgs/acme/notification-preferences";
  const auto put =
      send("ben", path, R"({"muted_types":["noise"],"push":{"enabled":false,"types":["note"]}})");
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(get("ben", "/notification-preferences"), json_of(put));
  EXPECT_EQ(get("anna", "/notification-preferences").at("push").at("enabled"), true);
  post("anna", R"({"type":"noise","payload":{}})");
  post("anna", R"({"type":"note","payload":{}})");
  EXPECT_EQ(get("ben", "/notifications/summary").at("unread"), 1);
  EXPECT_EQ(send("ben", path, R"({"muted_types":["security"]})").status, 422);
  EXPECT_EQ(send("ben", path, R"({"muted_types":["alert"]})").status, 422);
}

TEST_F(NotificationsTest, activity_counts_todays_events_and_who_is_there) {
  clock_.jump_wall(std::chrono::duration_cast<Millis>(system_clock_.wall() - clock_.wall()));
  post("anna", R"({"type":"deploy","payload":{}})");
  const auto view = get("ben", "/activity?limit=1");
  EXPECT_EQ(view.at("members_online"), 3);
  EXPECT_EQ(view.at("events_today").at("deploy"), 1);
  EXPECT_EQ(view.at("results").at(0).at("type"), "deploy");
}

TEST_F(NotificationsTest, streams_are_found_by_whom_they_are_for) {
  const auto own = resolve("ben", "/orgs/acme/notifications/");
  ASSERT_TRUE(own);
  EXPECT_EQ(own->name, "orgs/acme/notifications");
  EXPECT_EQ(own->org, acme_.org);
  EXPECT_TRUE(own->durable);
  EXPECT_EQ(resolve("zoe", "orgs/acme/notifications").error().kind, ErrorKind::not_found);
  EXPECT_EQ(resolve("", "orgs/acme/notifications").error().kind, ErrorKind::not_found);
  EXPECT_EQ(resolve("key", "orgs/acme/notifications").error().kind, ErrorKind::not_found);
  EXPECT_EQ(resolve("ben", "orgs/nowhere/notifications").error().kind, ErrorKind::not_found);
  EXPECT_TRUE(resolve("ben", "me"));
  EXPECT_NE(resolve("ben", "me")->id, resolve("anna", "me")->id);
  EXPECT_FALSE(resolve("key", "me"));
}

}  // namespace
}  // namespace indaba::notifications
