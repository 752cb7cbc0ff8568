#include "http/client_address.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <optional>

namespace indaba::http {

namespace {

using Bytes = std::array<std::uint8_t, 16>;
constexpr Bytes kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<Bytes> address_bytes(std::string_view text) {
  const std::string copy(text);
  Bytes bytes = kMappedPrefix;
  if (::inet_pton(AF_INET, copy.c_str(), bytes.data() + 12) == 1) return bytes;
  if (::inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return bytes;
  return std::nullopt;
}

}  // namespace

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const Error wrong(ErrorKind::invalid, "'" + std::string(text) +
                                            "' is no address range: write 10.0.0.0/8 or 127.0.0.1");
  const auto slash = text.find('/');
  const auto base = address_bytes(text.substr(0, slash));
  if (!base) return wrong;
  const bool v4 = text.find(':') == std::string_view::npos;
  AddressRange range;
  range.base_ = *base;
  if (slash != std::string_view::npos) {
    const auto bits = text::parse_int64(text.substr(slash + 1));
    if (!bits || *bits < 0 || *bits > (v4 ? 32 : 128)) return wrong;
    range.bits_ = static_cast<int>(*bits) + (v4 ? 96 : 0);
  }
  return range;
}

bool AddressRange::contains(std::string_view address) const {
  const auto bytes = address_bytes(address);
  if (!bytes) return false;
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (std::memcmp(bytes->data(), base_.data(), whole) != 0) return false;
  if (bits_ % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits_ % 8));
  return ((*bytes)[whole] & mask) == (base_[whole] & mask);
}

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& ranges) {
  TrustedProxies proxies;
  for (const auto& text : ranges) {
    INDABA_TRY(auto range, AddressRange::parse(text));
    proxies.ranges_.push_back(range);
  }
  return proxies;
}

bool TrustedProxies::trusts(std::string_view address) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const auto& range) { return range.contains(address); });
}

void TrustedProxies::apply(Request& request, std::string_view peer, bool peer_secure) const {
  request.client_address = peer;
  request.secure = peer_secure;
  if (ranges_.empty() || !trusts(peer)) return;
  if (const auto proto = request.headers.find("x-forwarded-proto"))
    request.secure = text::equal_ignoring_case(*proto, "https");
  std::string chain;
  for (const auto& [name, value] : request.headers.fields())
    if (name == "x-forwarded-for") chain += (chain.empty() ? "" : ",") + value;
  if (chain.empty()) return;
  const auto hops = text::split(chain, ',');
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    const auto address = text::trim(*hop);
    if (!address_bytes(address))
      return;  // what a proxy of ours did not write; the last good one stands
    request.client_address = address;
    if (!trusts(address)) return;
  }
}

}  // namespace indaba::http
