#include "http/request_head.hpp"

#include <gtest/gtest.h>

namespace indaba::http {
namespace {

struct Outcome {
  int status = 0;
  Target target;
};
Outcome parse(std::string_view target, Method method = Method::get) {
  Outcome outcome;
  outcome.status = parse_target(target, method, outcome.target).status;
  return outcome;
}

TEST(Target, is_taken_apart_and_decoded) {
  EXPECT_EQ(parse("/").target.path, "/");
  EXPECT_EQ(parse("/a/%C3%A9/?q=%C3%A9&r").target.path, "/a/é/");
  EXPECT_EQ(parse("/a/%C3%A9/?q=%C3%A9&r").target.query, "q=%C3%A9&r");
  EXPECT_EQ(parse("/a?b?c").target.query, "b?c");
  EXPECT_EQ(parse("/a+b").target.path, "/a+b");
  EXPECT_EQ(parse("/%F0%9F%91%8D").target.path, "/👍");
  EXPECT_EQ(parse("/...").target.path, "/...");
  EXPECT_EQ(parse("/.well-known/x").target.path, "/.well-known/x");
}

TEST(Target, of_an_absolute_uri_gives_its_authority) {
  const Outcome outcome = parse("http://Example.com:80/a?b");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.target.authority, "Example.com:80");
  EXPECT_EQ(outcome.target.path, "/a");
  EXPECT_EQ(outcome.target.query, "b");
  EXPECT_EQ(parse("https://h").target.path, "/");
  EXPECT_EQ(parse("https://h?x=/y").target.authority, "h");
}

TEST(Target, that_hides_what_it_means_is_refused) {
  for (const auto* target : {"",          "a",           "*",         "/..",           "/a/../b",
                             "/a/..",     "/.",          "/a/./b",    "/%2e%2e/b",     "/%2E/",
                             "/a/%2e.",   "/a%2fb",      "/a%2Fb",    "/a%00b",        "/%",
                             "/%4",       "/%zz",        "/%ff",      "/%c0%ae%c0%ae", "/%ed%a0%80",
                             "/a#b",      "/a b",        "/\xc3\xa9", "/a\x7f",        "http://",
                             "http:///a", "http://u@h/", "h:80",      "javascript://x"})
    EXPECT_EQ(parse(target).status, 400) << target;
}

TEST(Target, asterisk_is_for_options_only) {
  EXPECT_EQ(parse("*", Method::options).target.path, "*");
  EXPECT_EQ(parse("*", Method::get).status, 400);
}

}  // namespace
}  // namespace indaba::http
