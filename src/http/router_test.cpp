#include "http/router.hpp"

#include <gtest/gtest.h>

namespace indaba::http {
namespace {

using Outcome = Router::Outcome;

Router tasks_router() {
  Router router;
  router.add(Method::get, "/api/v1/orgs/{org}/tasks", 1);
  router.add(Method::post, "/api/v1/orgs/{org}/tasks", 2);
  router.add(Method::get, "/api/v1/orgs/{org}/tasks/{id}", 3);
  router.add(Method::get, "/api/v1/orgs/{org}/notifications/{seq}", 4);
  router.add(Method::get, "/api/v1/orgs/{org}/notifications/summary", 5);
  router.add(Method::get, "/ws", 6);
  router.add(Method::get, "/ws/{stream*}", 7);
  router.add(Method::get, "/", 8);
  return router;
}

TEST(Router, finds_a_route_by_its_segments_and_names_the_parameters) {
  const auto router = tasks_router();
  const std::string path = "/api/v1/orgs/acme/tasks/12";
  const auto match = router.match(Method::get, path);
  ASSERT_EQ(match.outcome, Outcome::found);
  EXPECT_EQ(match.route, 3U);
  ASSERT_EQ(match.param_count, 2U);
  EXPECT_EQ(match.params[0].name, "org");
  EXPECT_EQ(match.params[0].value, "acme");
  EXPECT_EQ(match.params[1].name, "id");
  EXPECT_EQ(match.params[1].value, "12");
}

TEST(Router, takes_a_path_with_and_without_its_last_slash) {
  const auto router = tasks_router();
  EXPECT_EQ(router.match(Method::get, "/api/v1/orgs/acme/tasks/").route, 1U);
  EXPECT_EQ(router.match(Method::get, "/api/v1/orgs/acme/tasks").route, 1U);
  EXPECT_EQ(router.match(Method::get, "/").route, 8U);
  EXPECT_EQ(router.match(Method::get, "/ws/").route, 6U);
}

TEST(Router, does_not_take_empty_segments) {
  const auto router = tasks_router();
  EXPECT_EQ(router.match(Method::get, "/api/v1/orgs//tasks").outcome, Outcome::not_found);
  EXPECT_EQ(router.match(Method::get, "/api/v1/orgs/acme/tasks//").outcome, Outcome::not_found);
  EXPECT_EQ(router.match(Method::get, "").outcome, Outcome::not_found);
  EXPECT_EQ(router.match(Method::get, "*").outcome, Outcome::not_found);
}

TEST(Router, prefers_a_literal_segment_and_goes_back_to_the_parameter) {
  const auto router = tasks_router();
  EXPECT_EQ(router.match(Method::get, "/api/v1/orgs/acme/notifications/summary").route, 5U);
  EXPECT_EQ(router.match(Method::get, "/api/v1/orgs/acme/notifications/7").route, 4U);

  Router crossing;
  crossing.add(Method::get, "/a/b/c", 1);
  crossing.add(Method::get, "/a/{x}/d", 2);
  const auto match = crossing.match(Method::get, "/a/b/d");
  ASSERT_EQ(match.outcome, Outcome::found);
  EXPECT_EQ(match.route, 2U);
  ASSERT_EQ(match.param_count, 1U);
  EXPECT_EQ(match.params[0].value, "b");
}

TEST(Router, gives_the_rest_of_a_path_to_a_last_wildcard) {
  const auto router = tasks_router();
  const auto match = router.match(Method::get, "/ws/orgs/acme/notifications/");
  ASSERT_EQ(match.outcome, Outcome::found);
  EXPECT_EQ(match.route, 7U);
  EXPECT_EQ(match.params[0].value, "orgs/acme/notifications/");
}

TEST(Router, tells_a_wrong_method_from_an_unknown_path) {
  const auto router = tasks_router();
  const auto match = router.match(Method::delete_, "/api/v1/orgs/acme/tasks");
  EXPECT_EQ(match.outcome, Outcome::wrong_method);
  EXPECT_EQ(match.allowed.to_allow(), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(router.match(Method::get, "/api/v1/orgs/acme/nothing").outcome, Outcome::not_found);
  EXPECT_EQ(router.match(Method::get, "/api/v1/orgs").outcome, Outcome::not_found);
}

TEST(Router, serves_head_by_the_get_route) {
  const auto router = tasks_router();
  EXPECT_EQ(router.match(Method::head, "/api/v1/orgs/acme/tasks/1").route, 3U);
}

}  // namespace
}  // namespace indaba::http
