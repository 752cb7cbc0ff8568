#include "ops/health.hpp"

#include "base/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::ops {
namespace {

class HealthTest : public testing::Test {
 protected:
  static boost::json::object body(const http::Response& response) {
    auto parsed = json::parse(response.body);
    EXPECT_TRUE(parsed) << response.body;
    return parsed ? parsed->as_object() : boost::json::object();
  }
  ManualClock clock_;
  Health health_{{.version = "0.1.0", .color = "blue"}, clock_, [] {
                   return StatusFigures{.connections = 3, .subscriptions = 5};
                 }};
};

TEST_F(HealthTest, is_ready_where_nothing_is_wrong) {
  const auto response = health_.ready();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response)["status"].as_string(), "ok");
}

TEST_F(HealthTest, names_what_fails_in_a_503) {
  health_.add_check("disk", [] { return HealthReport{HealthState::failing, "full"}; });
  health_.add_check("redis", [] { return HealthReport{HealthState::degraded, "down"}; });
  const auto response = health_.ready();
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.headers.find("retry-after"));
  auto checks = body(response)["checks"].as_object();
  EXPECT_EQ(checks["disk"].as_object()["detail"].as_string(), "full");
  EXPECT_EQ(checks["redis"].as_object()["status"].as_string(), "degraded");
  EXPECT_EQ(health_.live().status, 200);
}

TEST_F(HealthTest, says_degraded_with_200) {
  health_.add_check("redis", [] { return HealthReport{HealthState::degraded, "down"}; });
  const auto response = health_.ready();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response)["status"].as_string(), "degraded");
}

TEST_F(HealthTest, is_not_ready_while_draining) {
  health_.start_draining();
  EXPECT_EQ(health_.ready().status, 503);
  EXPECT_TRUE(body(health_.status())["draining"].as_bool());
  EXPECT_EQ(health_.status().status, 200);
}

TEST_F(HealthTest, fails_a_probe_before_its_first_report_and_when_its_last_one_is_old) {
  auto& probe = health_.add_probe("database", Millis(5000));
  EXPECT_EQ(health_.ready().status, 503);
  probe.report({});
  EXPECT_EQ(health_.ready().status, 200);
  clock_.advance(Millis(5000));
  EXPECT_EQ(health_.ready().status, 200);
  clock_.advance(Millis(1000));
  const auto response = health_.ready();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(body(response)["checks"].as_object()["database"].as_object()["detail"].as_string(),
            "no answer for 6 s");
}

TEST_F(HealthTest, has_every_member_of_the_status) {
  clock_.advance(Millis(7500));
  auto status = body(health_.status());
  for (const auto* name : {"version", "color", "uptime_s", "started_at", "connections",
                           "subscriptions", "streams", "database", "redis", "jobs", "draining"})
    EXPECT_TRUE(status.contains(name)) << name;
  EXPECT_EQ(status["uptime_s"].as_int64(), 7);
  EXPECT_EQ(status["connections"].as_int64(), 3);
  EXPECT_EQ(status["redis"].as_object()["status"].as_string(), "off");
}

TEST(DiskCheck, fails_where_too_little_is_free) {
  EXPECT_EQ(disk_check("/tmp", 1)().state, HealthState::ok);
  EXPECT_EQ(disk_check("/tmp", ~std::uint64_t{0})().state, HealthState::failing);
  EXPECT_EQ(disk_check("/there/is/no/such/folder", 1)().state, HealthState::failing);
}

}  // namespace
}  // namespace indaba::ops
