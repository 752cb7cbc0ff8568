#include "job/celery_refused.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace indaba::job::celery {
namespace {

constexpr std::string_view kHeaders =
    R"("headers" : {"a": "}\"}\\", "b": {"c": [{}]}, "task": "t", "id": "me", "ignore_result": true})";

TEST(CeleryRefused, says_whose_it_was_wherever_the_rest_is_cut_off) {
  for (const auto* rest : {"", "}", ", \"properties\": {\"x", "garbage \xff"}) {
    const auto poison = refused_by(std::string(kHeaders) + rest, "why");
    ASSERT_TRUE(poison) << rest;
    EXPECT_EQ(poison->id, "me");
    EXPECT_EQ(poison->task, "t");
    EXPECT_EQ(poison->reason, "why");
    EXPECT_TRUE(poison->ignore_result);
  }
}

TEST(CeleryRefused, says_nothing_of_headers_that_are_cut_off_at_any_byte) {
  for (std::size_t i = 0; i < kHeaders.size(); ++i)
    EXPECT_FALSE(refused_by(kHeaders.substr(0, i), "")) << i;
}

TEST(CeleryRefused, says_nothing_where_the_id_is_none) {
  for (const auto* headers :
       {R"(7)", R"([{"id":"x"}])", R"({})", R"({"id":7})", R"({"id":""})", R"({"id":"a\u0000"})",
        R"({"id":"x","y":NaN})", R"({"id":"x","id":"y"})", R"({"id":"x")", R"({"id":"\)"})
    EXPECT_FALSE(refused_by(fmt::format("\"headers\":{}", headers), "")) << headers;
  EXPECT_FALSE(refused_by(fmt::format("\"headers\":{{\"id\":\"{}\"}}", std::string(256, 'x')), ""));
  EXPECT_FALSE(refused_by(R"("footers":{"id":"x"})", ""));
}

}  // namespace
}  // namespace indaba::job::celery
