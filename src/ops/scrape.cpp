#include "ops/scrape.hpp"

#include "base/check.hpp"
#include "base/text.hpp"
#include "ops/metric_names.hpp"

#include <algorithm>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sstream>

namespace indaba::ops {

namespace {

// The labels in the order of the table. All of them, and no other.
std::vector<std::pair<std::string, std::string>> checked(std::string_view name, bool histogram,
                                                         Scrape::Labels labels) {
  const auto known = std::ranges::find(metric_names(), name, &MetricName::name);
  check(known != metric_names().end(), "a metric must stand in the table");
  check((known->kind == MetricKind::histogram) == histogram,
        "a histogram is sampled as a histogram, and nothing else is");
  std::vector<std::pair<std::string, std::string>> key;
  for (const auto wanted : text::split(known->labels, ',')) {
    if (wanted.empty()) continue;
    const auto found =
        std::ranges::find(labels, wanted, &std::pair<std::string_view, std::string_view>::first);
    check(found != labels.end(), "a sample must have its metric's labels");
    key.emplace_back(wanted, wanted == "type" ? known_type(found->second) : found->second);
  }
  check(key.size() == labels.size(), "a sample must have no other labels than its metric's");
  return key;
}

prometheus::MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return prometheus::MetricType::Counter;
    case MetricKind::gauge:
      return prometheus::MetricType::Gauge;
    case MetricKind::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

std::vector<prometheus::ClientMetric::Label> labels_of(
    const std::vector<std::pair<std::string, std::string>>& key) {
  std::vector<prometheus::ClientMetric::Label> labels;
  for (const auto& [name, value] : key) labels.push_back({name, value});
  return labels;
}

}  // namespace

void Scrape::add(std::string_view name, double value, Labels labels) {
  auto key = checked(name, false, labels);
  values_[std::string(name)][std::move(key)] += value;
}

void Scrape::add_histogram(std::string_view name, std::span<const double> bounds,
                           std::span<const std::uint64_t> counts, double sum, Labels labels) {
  check(counts.size() == bounds.size() + 1, "a histogram has one count more than bounds");
  auto& total = histograms_[std::string(name)][checked(name, true, labels)];
  if (total.counts.empty()) {
    total.bounds.assign(bounds.begin(), bounds.end());
    total.counts.assign(counts.size(), 0);
  }
  check(std::ranges::equal(total.bounds, bounds),
        "samples of one histogram must have the same bounds");
  std::ranges::transform(total.counts, counts, total.counts.begin(), std::plus<>());
  total.sum += sum;
}

std::string Scrape::text() const {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& known : metric_names()) {
    prometheus::MetricFamily family{
        std::string(known.name), std::string(known.help), type_of(known.kind), {}};
    if (const auto found = values_.find(known.name); found != values_.end()) {
      for (const auto& [key, value] : found->second) {
        prometheus::ClientMetric metric;
        metric.label = labels_of(key);
        (known.kind == MetricKind::counter ? metric.counter.value : metric.gauge.value) = value;
        family.metric.push_back(std::move(metric));
      }
    } else if (known.labels.empty() && !histograms_.contains(known.name)) {
      family.metric.emplace_back();
    }
    if (const auto found = histograms_.find(known.name); found != histograms_.end()) {
      for (const auto& [key, distribution] : found->second) {
        prometheus::ClientMetric metric;
        metric.label = labels_of(key);
        metric.histogram.sample_sum = distribution.sum;
        for (std::size_t i = 0; i < distribution.counts.size(); ++i) {
          metric.histogram.sample_count += distribution.counts[i];
          if (i < distribution.bounds.size())
            metric.histogram.bucket.push_back(
                {metric.histogram.sample_count, distribution.bounds[i]});
        }
        family.metric.push_back(std::move(metric));
      }
    }
    families.push_back(std::move(family));
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace indaba::ops
