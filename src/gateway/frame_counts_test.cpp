#include "gateway/frame_counts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace indaba::gateway {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::map<std::string, std::uint64_t> read(const FrameCounts& counts) {
  std::map<std::string, std::uint64_t> out;
  counts.each([&](std::string_view type, std::uint64_t n) { out[std::string(type)] += n; });
  return out;
}

TEST(FrameCounts, counts_events_as_one_type_and_tells_only_what_there_was) {
  FrameCounts counts;
  EXPECT_TRUE(read(counts).empty());
  counts.add_events(1);
  counts.add_events(41);
  counts.add("pong");
  counts.add("pong");
  EXPECT_THAT(read(counts), ElementsAre(Pair("event", 42), Pair("pong", 2)));
}

TEST(FrameCounts, a_type_that_is_not_the_protocols_is_another) {
  FrameCounts counts;
  counts.add("dance");
  counts.add("");
  EXPECT_THAT(read(counts), ElementsAre(Pair("other", 2)));
}

}  // namespace
}  // namespace indaba::gateway
