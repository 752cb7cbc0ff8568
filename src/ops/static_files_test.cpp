#include "ops/static_files.hpp"

#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace indaba::ops {
namespace {

using testing::HasSubstr;

constexpr std::array<Asset, 4> kAssets{{
    {"/index.html", "<!doctype html>", "", "\"a\""},
    {"/assets/index-B3k_9-Zq.js", "let x;", "GZIPPED", "\"b\""},
    {"/favicon.svg", "<svg/>", "", "\"c\""},
    {"/sw.js", "self", "", "\"d\""},
}};

class StaticFilesTest : public testing::Test {
 protected:
  std::optional<http::Response> get(std::string path, http::Headers headers = {},
                                    http::Method method = http::Method::get) const {
    http::Request request;
    request.method = method;
    request.path = std::move(path);
    request.headers = std::move(headers);
    return files_.respond(request);
  }
  static std::string header(const http::Response& response, std::string_view name) {
    return std::string(response.headers.find(name).value_or(""));
  }

  StaticFiles files_{kAssets, {"wss://community.example"}};
};

TEST_F(StaticFilesTest, serves_the_page_with_a_policy_and_never_from_a_cache_unasked) {
  const auto page = get("/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->body, "<!doctype html>");
  EXPECT_EQ(header(*page, "cache-control"), "no-cache");
  const auto policy = header(*page, "content-security-policy");
  EXPECT_THAT(policy, HasSubstr("script-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, HasSubstr("connect-src 'self' wss://community.example"));
  EXPECT_THAT(policy, testing::Not(HasSubstr("unsafe")));
}

TEST_F(StaticFilesTest, gives_the_page_for_paths_that_the_client_routes_itself) {
  EXPECT_EQ(get("/acme/tasks")->body, "<!doctype html>");
  EXPECT_EQ(get("/sign-in", {}, http::Method::head)->status, 200);
}

TEST_F(StaticFilesTest, leaves_to_the_server_what_is_the_servers) {
  for (const auto* path : {"/api", "/api/v1/nothing", "/ws", "/ws/x/", "/metrics", "/healthz",
                           "/assets/gone-12345678.js", "/robots.txt"})
    EXPECT_FALSE(get(path)) << path;
  EXPECT_TRUE(get("/apish"));
  EXPECT_FALSE(get("/", {}, http::Method::post));
}

TEST_F(StaticFilesTest, lets_hashed_files_be_kept_for_ever_and_compressed_ones_be_chosen) {
  const auto plain = get("/assets/index-B3k_9-Zq.js");
  EXPECT_EQ(plain->body, "let x;");
  EXPECT_EQ(header(*plain, "cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(header(*plain, "vary"), "Accept-Encoding");
  http::Headers accepting;
  accepting.add("accept-encoding", "gzip, br");
  const auto small = get("/assets/index-B3k_9-Zq.js", accepting);
  EXPECT_EQ(small->body, "GZIPPED");
  EXPECT_EQ(header(*small, "content-encoding"), "gzip");
  EXPECT_EQ(header(*get("/sw.js"), "cache-control"), "no-cache");
}

TEST_F(StaticFilesTest, answers_304_to_who_has_it) {
  http::Headers headers;
  headers.add("if-none-match", "\"x\", W/\"c\"");
  const auto response = get("/favicon.svg", headers);
  EXPECT_EQ(response->status, 304);
  EXPECT_TRUE(response->body.empty());
}

TEST(StaticFiles, serve_nothing_where_nothing_was_built) {
  http::Request request;
  request.path = "/";
  EXPECT_FALSE(StaticFiles({}).respond(request));
}

TEST(EmbeddedAssets, are_complete) {
  std::set<std::string_view> paths;
  for (const auto& asset : embedded_assets()) {
    EXPECT_TRUE(asset.path.starts_with('/'));
    EXPECT_TRUE(asset.etag.starts_with('"') && asset.etag.ends_with('"'));
    EXPECT_TRUE(paths.insert(asset.path).second);
    if (!asset.gzip.empty()) {
      EXPECT_LT(asset.gzip.size(), asset.content.size());
    }
  }
  EXPECT_TRUE(paths.empty() || paths.contains("/index.html"));
}

}  // namespace
}  // namespace indaba::ops
