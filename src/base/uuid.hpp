// UUIDs of version 7 (RFC 9562): 48 bits of time, then chance. Those that are made one after the
// other stand beside each other in an index.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"

#include <string>
#include <string_view>

namespace indaba {

// "01890a5d-ac96-774b-bcce-b302099a8057"
[[nodiscard]] std::string new_uuid(WallTime now, Random& random);
// Any version, in lower case with its four hyphens.
[[nodiscard]] bool is_uuid(std::string_view text) noexcept;

}  // namespace indaba
