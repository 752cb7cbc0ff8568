#include "http/request_head.hpp"

#include <gtest/gtest.h>

namespace indaba::http {
namespace {

struct ParsedTarget {
  int status = 0;
  Target target;
};
ParsedTarget target_of(std::string_view target, Method method = Method::get) {
  ParsedTarget parsed;
  parsed.status = parse_target(target, method, parsed.target).status;
  return parsed;
}

TEST(Target, is_taken_apart_and_decoded) {
  EXPECT_EQ(target_of("/").target.path, "/");
  EXPECT_EQ(target_of("/a/%C3%A9/?q=%C3%A9&r").target.path, "/a/é/");
  EXPECT_EQ(target_of("/a/%C3%A9/?q=%C3%A9&r").target.query, "q=%C3%A9&r");
  EXPECT_EQ(target_of("/a?b?c").target.query, "b?c");
  EXPECT_EQ(target_of("/a+b").target.path, "/a+b");
  EXPECT_EQ(target_of("/%F0%9F%91%8D").target.path, "/👍");
  EXPECT_EQ(target_of("/...").target.path, "/...");
  EXPECT_EQ(target_of("/.well-known/x").target.path, "/.well-known/x");
}

TEST(Target, of_an_absolute_uri_gives_its_authority) {
  const ParsedTarget parsed = target_of("http://Example.com:80/a?b");
  EXPECT_EQ(parsed.status, 0);
  EXPECT_EQ(parsed.target.authority, "Example.com:80");
  EXPECT_EQ(parsed.target.path, "/a");
  EXPECT_EQ(parsed.target.query, "b");
  EXPECT_EQ(target_of("https://h").target.path, "/");
  EXPECT_EQ(target_of("https://h?x=/y").target.authority, "h");
}

TEST(Target, that_hides_what_it_means_is_refused) {
  for (const auto* target : {"",          "a",           "*",         "/..",           "/a/../b",
                             "/a/..",     "/.",          "/a/./b",    "/%2e%2e/b",     "/%2E/",
                             "/a/%2e.",   "/a%2fb",      "/a%2Fb",    "/a%00b",        "/%",
                             "/%4",       "/%zz",        "/%ff",      "/%c0%ae%c0%ae", "/%ed%a0%80",
                             "/a#b",      "/a b",        "/\xc3\xa9", "/a\x7f",        "http://",
                             "http:///a", "http://u@h/", "h:80",      "javascript://x"})
    EXPECT_EQ(target_of(target).status, 400) << target;
}

TEST(Target, asterisk_is_for_options_only) {
  EXPECT_EQ(target_of("*", Method::options).target.path, "*");
  EXPECT_EQ(target_of("*", Method::get).status, 400);
}

}  // namespace
}  // namespace indaba::http
