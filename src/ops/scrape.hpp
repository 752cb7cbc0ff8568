// Scrape: one reading of all metrics, in the making.
//
// Sources add samples; text() gives Prometheus' text format. Every metric of the table is there,
// also one that nobody added to; without labels it then reads 0. Samples of the
// same name and labels are added up, so that each loop may report its own share. Lives on one
// thread, for one scrape.
#pragma once

#include "db/writer_stats.hpp"

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace indaba::ops {

class Scrape {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // For counters and gauges.
  void add(std::string_view name, double value, Labels labels = {});
  // `counts` has one element more than `bounds`: what is above the last bound. Not cumulative.
  void add_histogram(std::string_view name, std::span<const double> bounds,
                     std::span<const std::uint64_t> counts, double sum, Labels labels = {});
  template <std::size_t N>
  void add_histogram(std::string_view name, const db::AtomicHistogram<N>& histogram,
                     Labels labels = {}) {
    std::vector<std::uint64_t> counts;
    for (const auto& count : histogram.counts)
      counts.push_back(count.load(std::memory_order_relaxed));
    add_histogram(name, histogram.bounds, counts, histogram.sum.load(std::memory_order_relaxed),
                  labels);
  }

  [[nodiscard]] std::string text() const;

 private:
  using Key = std::vector<std::pair<std::string, std::string>>;
  struct Distribution {
    std::vector<double> bounds;
    std::vector<std::uint64_t> counts;
    double sum = 0;
  };

  std::map<std::string, std::map<Key, double>, std::less<>> values_;
  std::map<std::string, std::map<Key, Distribution>, std::less<>> histograms_;
};

}  // namespace indaba::ops
