#include "app/bridge_config.hpp"

#include "api/event_type.hpp"
#include "cluster/channels_wire.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace indaba::app {

namespace {

void check_types(const cluster::GroupMapping& mapping, std::vector<FieldError>& problems) {
  for (const auto& type : mapping.in)
    if (const char* problem = api::EventType::problem_with(type))
      problems.push_back({"bridge.groups", "invalid_field",
                          fmt::format("bridge: the type \"{}\" {}", type, problem)});
}

BridgeConfig::Layer layer_of(const std::string& name) {
  if (name == "pubsub") return BridgeConfig::Layer::pubsub;
  return name == "core" ? BridgeConfig::Layer::core : BridgeConfig::Layer::off;
}

}  // namespace

Result<BridgeConfig> bridge_config(const Config& config) {
  BridgeConfig out;
  Error error(ErrorKind::invalid, "The settings under bridge are wrong.");
  const auto wrong = [&](std::string key, std::string why) {
    error.fields.push_back({key, "invalid_field", fmt::format("{}: {}", key, why)});
  };
  out.layer = layer_of(config.text("bridge.layer"));
  if (!out.enabled()) return out;
  out.url = config.text(config.is_set("bridge.url") ? "bridge.url" : "redis.url");
  if (out.url.empty()) wrong("bridge.url", "the channel layer's Redis must be named");
  out.prefix = config.text("bridge.prefix");
  if (!cluster::channels::is_group_name(out.prefix))
    wrong("bridge.prefix", "must be letters, digits, \"-\", \"_\" and \".\"");
  out.capacity = std::max<std::int64_t>(config.integer("bridge.capacity"), 1);
  out.expiry = std::max(std::chrono::ceil<std::chrono::seconds>(config.duration("bridge.expiry")),
                        std::chrono::seconds(1));
  const auto in = config.list("bridge.types_in");
  const auto types_out = config.list("bridge.types_out");
  for (const auto& text : config.list("bridge.groups")) {
    auto mapping = cluster::GroupMapping::parse(text, in, types_out);
    if (!mapping) {
      wrong("bridge.groups", mapping.error().detail);
      continue;
    }
    check_types(*mapping, error.fields);
    out.groups.push_back(*std::move(mapping));
  }
  const bool nothing_passes = std::ranges::all_of(
      out.groups, [](const auto& group) { return group.in.empty() && group.out.empty(); });
  if (error.fields.empty() && nothing_passes)
    wrong("bridge.types_in", "name the types that may pass, here or in bridge.types_out");
  if (!error.fields.empty()) return error;
  return out;
}

}  // namespace indaba::app
