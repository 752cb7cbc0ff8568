#include "gateway/heartbeat.hpp"

#include <gtest/gtest.h>

namespace indaba::gateway {
namespace {

TEST(Heartbeat, is_made_once_a_tick_and_ends_with_an_empty_ping) {
  Heartbeat heartbeat;
  const MonoTime tick{Millis(5)};
  const auto first = heartbeat.frame(tick, WallTime(Millis(0)));
  EXPECT_EQ(heartbeat.frame(tick, WallTime(Millis(1))).bytes().data(), first.bytes().data());
  EXPECT_NE(first.bytes().find(R"({"type":"heartbeat","timestamp":"1970-01-01T00:00:00)"),
            std::string_view::npos);
  EXPECT_TRUE(first.bytes().ends_with(std::string_view("\x89\x00", 2)));
  EXPECT_NE(heartbeat.frame(tick + Millis(1), WallTime(Millis(1'000))).bytes(), first.bytes());
}

TEST(Heartbeat, many_beat_together_and_none_too_early) {
  const Millis interval(30'000);
  EXPECT_EQ(Heartbeat::together(MonoTime(Millis(1'001)), interval), MonoTime(Millis(1'250)));
  EXPECT_EQ(Heartbeat::together(MonoTime(Millis(1'250)), interval), MonoTime(Millis(1'250)));
  EXPECT_EQ(Heartbeat::together(MonoTime(Millis(1'001)), Millis(10)), MonoTime(Millis(1'001)))
      << "a short interval is kept as it is";
}

}  // namespace
}  // namespace indaba::gateway
