#include "bench/histogram.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace indaba::bench {
namespace {

TEST(Histogram, tells_percentiles_within_a_percent) {
  const auto histogram = std::make_unique<Histogram>();
  for (int i = 1; i <= 100'000; ++i) histogram->add(i * 1000);
  EXPECT_EQ(histogram->count(), 100'000U);
  EXPECT_NEAR(static_cast<double>(histogram->at(0.5)), 50e6, 50e6 * 0.008);
  EXPECT_NEAR(static_cast<double>(histogram->at(0.99)), 99e6, 99e6 * 0.008);
  EXPECT_NEAR(static_cast<double>(histogram->at(0.999)), 99.9e6, 99.9e6 * 0.008);
  EXPECT_EQ(histogram->max(), 100'000'000);
  EXPECT_EQ(histogram->at(1), histogram->max());
}

TEST(Histogram, has_buckets_without_a_gap_or_an_overlap) {
  for (std::size_t bucket = 0; bucket + 1 < Histogram::kBuckets; ++bucket) {
    const auto top = Histogram::top_of(bucket);
    ASSERT_EQ(Histogram::bucket_of(top), bucket) << top;
    ASSERT_EQ(Histogram::bucket_of(top + 1), bucket + 1) << top;
  }
  EXPECT_EQ(Histogram::bucket_of(~std::uint64_t{0}), Histogram::kBuckets - 1);
}

TEST(Histogram, of_nothing_is_zero_and_takes_what_is_out_of_range) {
  const auto histogram = std::make_unique<Histogram>();
  EXPECT_EQ(histogram->at(0.99), 0);
  histogram->add(-5);
  histogram->add(std::int64_t{1} << 50);
  EXPECT_EQ(histogram->count(), 2U);
  EXPECT_EQ(histogram->at(0.5), 0);
  EXPECT_EQ(histogram->max(), std::int64_t{1} << 50);
}

TEST(Histogram, adds_up_what_processes_counted) {
  const auto one = std::make_unique<Histogram>();
  const auto two = std::make_unique<Histogram>();
  one->add(10);
  two->add(20);
  one->merge(*two);
  EXPECT_EQ(one->count(), 2U);
  EXPECT_EQ(one->at(0.5), 10);
  EXPECT_EQ(one->at(1), 20);
  one->clear();
  EXPECT_EQ(one->count(), 0U);
  EXPECT_EQ(one->max(), 0);
}

}  // namespace
}  // namespace indaba::bench
