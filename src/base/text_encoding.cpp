// Hex, base64 and base64url of text.hpp.
#include "base/text.hpp"

#include <array>

namespace indaba::text {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNoDigit = 0xFF;

using Digits = std::array<std::uint8_t, 256>;

constexpr Digits digits_of(std::string_view alphabet) {
  Digits digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    digits[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return digits;
}

constexpr Digits kBase64Digits = digits_of(kBase64);
constexpr Digits kBase64UrlDigits = digits_of(kBase64Url);
constexpr Digits kHexLower = digits_of(kHexDigits);

std::uint8_t hex_digit(char c) {
  return kHexLower[static_cast<unsigned char>(lower(c))];
}

std::string encode(std::string_view bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    held += 8;
    while (held >= 6) {
      held -= 6;
      out.push_back(alphabet[(bits >> held) & 63U]);
    }
  }
  if (held > 0) out.push_back(alphabet[(bits << (6 - held)) & 63U]);
  return out;
}

std::optional<std::string> decode(std::string_view encoded, const Digits& digits) {
  if (encoded.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(encoded.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : encoded) {
    const std::uint8_t digit = digits[static_cast<unsigned char>(c)];
    if (digit == kNoDigit) return std::nullopt;
    bits = (bits << 6U) | digit;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>((bits >> held) & 0xFFU));
    }
  }
  if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;  // another spelling of the same bytes
  return out;
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kHexDigits[byte >> 4U]);
    out.push_back(kHexDigits[byte & 15U]);
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const std::uint8_t high = hex_digit(hex[i]);
    const std::uint8_t low = hex_digit(hex[i + 1]);
    if (high == kNoDigit || low == kNoDigit) return std::nullopt;
    out.push_back(static_cast<char>((high << 4U) | low));
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out = encode(bytes, kBase64);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::optional<std::string> from_base64(std::string_view encoded) {
  if (encoded.size() % 4 != 0) return std::nullopt;
  if (encoded.ends_with("==")) {
    encoded.remove_suffix(2);
  } else if (encoded.ends_with('=')) {
    encoded.remove_suffix(1);
  }
  return decode(encoded, kBase64Digits);
}

std::string to_base64url(std::string_view bytes) {
  return encode(bytes, kBase64Url);
}

std::optional<std::string> from_base64url(std::string_view encoded) {
  return decode(encoded, kBase64UrlDigits);
}

}  // namespace indaba::text
