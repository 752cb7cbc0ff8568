#include "http/problem.hpp"

#include "http/phrases.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace indaba::http {
namespace {

boost::json::object body_of(const Response& response) {
  return boost::json::parse(response.body).as_object();
}

TEST(Problem, tells_status_code_detail_and_request_id) {
  const auto response = problem(Error(ErrorKind::not_found, "No such task."), "en", "r-1");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.headers.find("content-type"), "application/problem+json");
  const auto body = body_of(response);
  EXPECT_EQ(body.at("type"), "/api/docs/#error-not_found");
  EXPECT_EQ(body.at("title"), "Not Found");
  EXPECT_EQ(body.at("status"), 404);
  EXPECT_EQ(body.at("detail"), "No such task.");
  EXPECT_EQ(body.at("code"), "not_found");
  EXPECT_EQ(body.at("request_id"), "r-1");
  EXPECT_TRUE(body.at("errors").as_array().empty());
}

TEST(Problem, tells_which_limit_it_was) {
  const auto limited =
      problem(Error::rate_limited("Wait.", 5, std::chrono::milliseconds(1'500)), "en", "");
  EXPECT_EQ(limited.headers.find("retry-after"), "2");
  EXPECT_EQ(limited.headers.find("ratelimit-limit"), "5");
  EXPECT_EQ(limited.headers.find("ratelimit-remaining"), "0");
  EXPECT_EQ(limited.headers.find("ratelimit-reset"), "2");
  EXPECT_FALSE(problem(Error(ErrorKind::rate_limited), "en", "").headers.find("ratelimit-limit"));
}

TEST(Problem, names_the_fields_of_an_invalid_request) {
  const auto body = body_of(problem(
      Error::invalid_field("payload.title", "A title is missing.", "missing_field"), "en", ""));
  const auto& field = body.at("errors").as_array().at(0).as_object();
  EXPECT_EQ(body.at("status"), 422);
  EXPECT_EQ(field.at("field"), "payload.title");
  EXPECT_EQ(field.at("code"), "missing_field");
  EXPECT_EQ(field.at("message"), "A title is missing.");
}

TEST(Problem, never_shows_what_went_wrong_inside) {
  auto error = Error::internal("disk /dev/sda1 said EIO");
  error.detail = "select failed";
  error.code = "sqlite_ioerr";
  const auto response = problem(error, "en", "r");
  EXPECT_EQ(response.body.find("sda1"), std::string::npos);
  EXPECT_EQ(response.body.find("select"), std::string::npos);
  EXPECT_EQ(response.body.find("sqlite"), std::string::npos);
  EXPECT_EQ(body_of(response).at("code"), "internal");
}

TEST(Problem, speaks_afrikaans_by_code_and_falls_back_to_the_kind) {
  EXPECT_EQ(body_of(problem(Error(ErrorKind::conflict, "last_owner", "x"), "af", "")).at("detail"),
            "Die laaste eienaar kan nie weggaan of verlaag word nie.");
  EXPECT_EQ(body_of(problem(Error(ErrorKind::conflict, "new_code", "x"), "af", "")).at("detail"),
            "Dit weerspreek wat reeds daar is.");
}

TEST(Problem, says_how_to_sign_in_and_when_to_come_back) {
  EXPECT_EQ(problem(Error(ErrorKind::unauthenticated), "en", "").headers.find("www-authenticate"),
            "Bearer");
  Error slow(ErrorKind::rate_limited);
  slow.retry_after = std::chrono::milliseconds(1200);
  EXPECT_EQ(problem(slow, "en", "").headers.find("retry-after"), "2");
  EXPECT_EQ(problem(Error(ErrorKind::unavailable), "en", "").headers.find("retry-after"), "1");
}

TEST(Problem, lists_the_methods_that_a_path_knows) {
  MethodSet allowed;
  allowed.add(Method::get);
  const auto response = method_not_allowed(allowed, "en", "r");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.find("allow"), "GET");
}

TEST(Phrases, choose_the_language_that_the_client_likes_best) {
  EXPECT_EQ(choose_language("af"), "af");
  EXPECT_EQ(choose_language("af-ZA,en;q=0.8"), "af");
  EXPECT_EQ(choose_language("en;q=0.9, af;q=0.3"), "en");
  EXPECT_EQ(choose_language("de, fr"), "en");
  EXPECT_EQ(choose_language(""), "en");
  EXPECT_EQ(choose_language("af;q=abc,;;,,"), "en");
}

}  // namespace
}  // namespace indaba::http
