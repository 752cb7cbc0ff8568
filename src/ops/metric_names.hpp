// Every metric that this program has: name, kind, help and the names of its labels.
// docs/operations.md explains them; a sample whose name or labels are not in this table is a broken
// invariant, so that dashboards and rules can rely on it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace indaba::ops {

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

struct MetricName {
  std::string_view name;
  MetricKind kind;
  std::string_view help;
  std::string_view labels = {};  // "type,direction"
};

[[nodiscard]] std::span<const MetricName> metric_names() noexcept;

// The label `type` of a frame or event: a type that is part of the protocol as it is, any other as
// "other", so that a client cannot make up labels.
[[nodiscard]] std::string_view known_type(std::string_view type) noexcept;

}  // namespace indaba::ops
