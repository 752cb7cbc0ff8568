// What a run counted, as JSON.
#pragma once

#include "bench/delivery_check.hpp"
#include "bench/histogram.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace indaba::loadtool {

// Readers of one kind.
struct Group {
  std::string name;
  bool measuring = false;
  std::uint64_t readers = 0;
  std::uint64_t deliveries = 0;
  bench::OrderCounts order;
  std::uint64_t resets = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t complete = 0;  // readers that have everything at the end
  std::map<std::string, std::uint64_t> closes;
  std::map<std::string, std::uint64_t> closes_while_publishing;
  std::unique_ptr<bench::Histogram> latency = std::make_unique<bench::Histogram>();
  std::unique_ptr<bench::Histogram> this_second = std::make_unique<bench::Histogram>();
  std::vector<double> p99_by_second;  // tells a slow start from a slow server
};

[[nodiscard]] double milliseconds_at(const bench::Histogram& histogram, double share);
[[nodiscard]] boost::json::object describe(const Group& group);

}  // namespace indaba::loadtool
