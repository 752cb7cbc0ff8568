#include "base/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace indaba::text {
namespace {

constexpr bool is_continuation(unsigned char c) {
  return (c & 0xC0U) == 0x80;
}
unsigned char byte_at(std::string_view s, std::size_t i) {
  return static_cast<unsigned char>(s[i]);
}

constexpr bool is_slug_end(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// What the second byte may be, by the first (RFC 3629, section 4).
bool second_byte_fits(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return is_continuation(second);
  }
}

template <class T>
std::optional<T> parse_whole(std::string_view s) noexcept {
  T value{};
  const auto [end, problem] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (problem != std::errc() || end != s.data() + s.size()) return std::nullopt;
  return value;
}

}  // namespace

std::size_t utf8_sequence(std::string_view bytes) noexcept {
  if (bytes.empty()) return 0;
  const unsigned char first = byte_at(bytes, 0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (bytes.size() < length || !second_byte_fits(first, byte_at(bytes, 1))) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (!is_continuation(byte_at(bytes, i))) return 0;
  return length;
}

bool is_utf8(std::string_view bytes) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    if (bytes.size() >= sizeof(word)) {  // nearly all text is ASCII: eight bytes at a time
      std::memcpy(&word, bytes.data(), sizeof(word));
      if ((word & kHighBits) == 0) {
        bytes.remove_prefix(sizeof(word));
        continue;
      }
    }
    const std::size_t length = utf8_sequence(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::size_t count_code_points(std::string_view utf8) noexcept {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return !is_continuation(static_cast<unsigned char>(c));
  }));
}

std::string_view first_code_points(std::string_view utf8, std::size_t count) noexcept {
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    if (is_continuation(byte_at(utf8, i))) continue;
    if (count-- == 0) return utf8.substr(0, i);
  }
  return utf8;
}

bool is_slug(std::string_view s) noexcept {
  if (s.empty() || s.size() > 64 || !is_slug_end(s.front()) || !is_slug_end(s.back())) return false;
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return is_slug_end(c) || c == '-' || c == '_'; });
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string to_lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view s) noexcept {
  const std::size_t first = s.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> split(std::string_view s, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = s.find(separator);
    parts.push_back(s.substr(0, at));
    if (at == std::string_view::npos) return parts;
    s.remove_prefix(at + 1);
  }
}

std::optional<std::int64_t> parse_int64(std::string_view s) noexcept {
  return parse_whole<std::int64_t>(s);
}

std::optional<double> parse_double(std::string_view s) noexcept {
  const auto value = parse_whole<double>(s);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return value;
}

}  // namespace indaba::text
