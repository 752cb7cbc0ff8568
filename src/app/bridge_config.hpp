// The settings under bridge.*, taken apart.
#pragma once

#include "app/config.hpp"
#include "cluster/bridge_mapping.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace indaba::app {

struct BridgeConfig {
  enum class Layer : std::uint8_t { off, pubsub, core };
  Layer layer = Layer::off;
  std::string url;
  std::string prefix;
  std::vector<cluster::GroupMapping> groups;
  std::int64_t capacity = 0;
  std::chrono::seconds expiry{};

  [[nodiscard]] bool enabled() const { return layer != Layer::off; }
};

// ErrorKind::invalid, with a field for each setting that is wrong.
[[nodiscard]] Result<BridgeConfig> bridge_config(const Config& config);

}  // namespace indaba::app
