#include "report.hpp"

namespace indaba::loadtool {

namespace {

boost::json::object counts(const std::map<std::string, std::uint64_t>& by_word) {
  boost::json::object out;
  for (const auto& [word, count] : by_word) out[word] = count;
  return out;
}

}  // namespace

double milliseconds_at(const bench::Histogram& histogram, double share) {
  return static_cast<double>(histogram.at(share)) / 1e6;
}

boost::json::object describe(const Group& group) {
  return {{"readers", group.readers},
          {"complete", group.complete},
          {"deliveries", group.deliveries},
          {"missing", group.order.missing},
          {"duplicates", group.order.doubled},
          {"out_of_order", group.order.out_of_order},
          {"resets", group.resets},
          {"reconnects", group.reconnects},
          {"closes", counts(group.closes)},
          {"closes_while_publishing", counts(group.closes_while_publishing)},
          {"p50_ms", milliseconds_at(*group.latency, 0.50)},
          {"p99_ms", milliseconds_at(*group.latency, 0.99)},
          {"max_ms", milliseconds_at(*group.latency, 1)},
          {"p99_ms_by_second",
           boost::json::array(group.p99_by_second.begin(), group.p99_by_second.end())}};
}

}  // namespace indaba::loadtool
