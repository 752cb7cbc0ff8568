// ConnectionId: names one socket in logs and in `welcome`; kept as bytes, since there are many and
// they are hardly ever read.
#pragma once

#include "base/random.hpp"
#include "base/text.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace indaba::gateway {

class ConnectionId {
 public:
  ConnectionId() = default;
  explicit ConnectionId(Random& random) { random.fill(bytes_); }
  // 32 hexadecimal digits.
  [[nodiscard]] std::string text() const {
    return text::to_hex({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()});
  }

 private:
  std::array<std::byte, 16> bytes_{};
};

}  // namespace indaba::gateway
