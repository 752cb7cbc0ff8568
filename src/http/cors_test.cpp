#include "http/cors.hpp"

#include <gtest/gtest.h>

namespace indaba::http {
namespace {

const AllowedOrigins kAllowed({"https://app.example.com", "null", "*"});

Request from(std::string_view origin) {
  Request request;
  request.method = Method::options;
  request.headers.add("origin", origin);
  request.headers.add("access-control-request-method", "POST");
  return request;
}

MethodSet get_and_post() {
  MethodSet methods;
  methods.add(Method::get);
  methods.add(Method::post);
  return methods;
}

TEST(Cors, takes_another_list_while_it_is_in_use) {
  AllowedOrigins allowed({"https://old.example"});
  allowed.replace({"https://new.example", "null"});
  EXPECT_FALSE(allowed.allows("https://old.example"));
  EXPECT_TRUE(allowed.allows("https://new.example"));
  EXPECT_FALSE(allowed.allows("null"));
}

TEST(Cors, lets_a_listed_origin_read_the_answer_with_credentials) {
  Response response;
  add_cors_headers(kAllowed, from("https://app.example.com").headers, response);
  EXPECT_EQ(response.headers.find("access-control-allow-origin"), "https://app.example.com");
  EXPECT_EQ(response.headers.find("access-control-allow-credentials"), "true");
  EXPECT_EQ(response.headers.find("vary"), "Origin");
}

TEST(Cors, says_nothing_to_an_origin_that_is_not_on_the_list) {
  for (const auto* origin :
       {"null", "*", "https://app.example.com.evil.io", "https://APP.example.com",
        "http://app.example.com", "https://app.example.com:8443"}) {
    Response response;
    add_cors_headers(kAllowed, from(origin).headers, response);
    EXPECT_FALSE(response.headers.find("access-control-allow-origin")) << origin;
    EXPECT_EQ(response.headers.find("vary"), "Origin");
  }
}

TEST(Cors, answers_a_preflight_with_the_methods_of_the_path) {
  const auto response = options_response(kAllowed, from("https://app.example.com"), get_and_post());
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers.find("access-control-allow-methods"), "GET, POST");
  EXPECT_TRUE(response.headers.find("access-control-allow-headers"));

  const auto foreign = options_response(kAllowed, from("https://evil.io"), get_and_post());
  EXPECT_FALSE(foreign.headers.find("access-control-allow-methods"));
}

TEST(Cors, takes_two_origins_for_none) {
  auto request = from("https://app.example.com");
  request.headers.add("origin", "https://app.example.com");
  EXPECT_FALSE(kAllowed.allows_request(request.headers));
}

}  // namespace
}  // namespace indaba::http
