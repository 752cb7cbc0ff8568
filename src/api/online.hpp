// OnlineMembers: how many people of an organisation are connected. The seam between features that
// show it and whoever holds the connections.
#pragma once

#include "base/ids.hpp"

#include <cstdint>

namespace indaba::api {

class OnlineMembers {
 public:
  virtual ~OnlineMembers() = default;
  // Any thread. People, not connections.
  [[nodiscard]] virtual std::int64_t online(OrgId org) const = 0;
};

}  // namespace indaba::api
