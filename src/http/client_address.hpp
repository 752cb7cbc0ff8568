// Who is really calling, where proxies stand between: X-Forwarded-For and -Proto are believed from
// listed proxies only.
#pragma once

#include "base/result.hpp"
#include "http/message.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::http {

// An address range such as "10.0.0.0/8", "127.0.0.1" or "fd00::/8". IPv4 is kept as a mapped IPv6
// range.
class AddressRange {
 public:
  [[nodiscard]] static Result<AddressRange> parse(std::string_view text);
  [[nodiscard]] bool contains(std::string_view address) const;

 private:
  std::array<std::uint8_t, 16> base_{};
  int bits_ = 128;
};

class TrustedProxies {
 public:
  TrustedProxies() = default;
  [[nodiscard]] static Result<TrustedProxies> parse(const std::vector<std::string>& ranges);
  [[nodiscard]] bool trusts(std::string_view address) const;

  // Fills client_address and secure. Read from the right: the first address that is no proxy of
  // ours is the client; what stands left of it is hearsay.
  void apply(Request& request, std::string_view peer, bool peer_secure) const;

 private:
  std::vector<AddressRange> ranges_;
};

}  // namespace indaba::http
