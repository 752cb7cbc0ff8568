#include "base/uuid.hpp"

#include "base/text.hpp"

#include <array>

namespace indaba {

namespace {

constexpr std::size_t kLength = 36;

bool is_hyphens_place(std::size_t i) noexcept {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

}  // namespace

std::string new_uuid(WallTime now, Random& random) {
  std::array<std::byte, 16> bytes{};
  random.fill(bytes);
  const auto time = static_cast<std::uint64_t>(to_millis(now));
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::byte>(time >> (40 - 8 * i));
  bytes[6] = (bytes[6] & std::byte{0x0F}) | std::byte{0x70};
  bytes[8] = (bytes[8] & std::byte{0x3F}) | std::byte{0x80};
  const std::string hex = text::to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  std::string uuid;
  uuid.reserve(kLength);
  for (const char c : hex) {
    if (is_hyphens_place(uuid.size())) uuid += '-';
    uuid += c;
  }
  return uuid;
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != kLength) return false;
  for (std::size_t i = 0; i < kLength; ++i) {
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (is_hyphens_place(i) ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace indaba
