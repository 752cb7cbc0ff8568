#include "ws/utf8.hpp"

#include <array>
#include <cstring>

namespace indaba::ws {
namespace {

constexpr std::uint8_t kReject = 12;

// Every byte belongs to one of twelve classes …
constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto fill = [&](unsigned from, unsigned to, std::uint8_t value) {
    for (unsigned byte = from; byte <= to; ++byte) classes[byte] = value;
  };
  fill(0x00, 0x7F, 0);
  fill(0x80, 0x8F, 1);
  fill(0x90, 0x9F, 9);
  fill(0xA0, 0xBF, 7);
  fill(0xC0, 0xC1, 8);
  fill(0xC2, 0xDF, 2);
  fill(0xE0, 0xE0, 10);
  fill(0xE1, 0xEF, 3);
  fill(0xED, 0xED, 4);
  fill(0xF0, 0xF0, 11);
  fill(0xF1, 0xF3, 6);
  fill(0xF4, 0xF4, 5);
  fill(0xF5, 0xFF, 8);
  return classes;
}
constexpr auto kClasses = make_classes();

// … and a state (a multiple of twelve) and a class lead to the next state.
constexpr std::array<std::uint8_t, 108> kTransitions{
    0,  12, 24, 36, 60, 96, 84, 12, 12, 12, 48, 72,  // between two code points
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,  // refused, for ever
    12, 0,  12, 12, 12, 12, 12, 0,  12, 0,  12, 12,  // one more continuation byte
    12, 24, 12, 12, 12, 12, 12, 24, 12, 24, 12, 12,  // two more
    12, 12, 12, 12, 12, 12, 12, 24, 12, 12, 12, 12,  // after E0: A0..BF
    12, 24, 12, 12, 12, 12, 12, 12, 12, 24, 12, 12,  // after ED: 80..9F
    12, 12, 12, 12, 12, 12, 12, 36, 12, 36, 12, 12,  // after F0: 90..BF
    12, 36, 12, 12, 12, 12, 12, 36, 12, 36, 12, 12,  // after F1..F3
    12, 36, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,  // after F4: 80..8F
};

}  // namespace

bool Utf8Validator::feed(std::string_view piece) noexcept {
  const char* at = piece.data();
  const char* const end = at + piece.size();
  std::uint8_t state = state_;
  while (at != end) {
    if (state == kAccept) {
      while (end - at >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        if ((word & 0x8080808080808080ULL) != 0) break;
        at += 8;
      }
      if (at == end) break;
    }
    const std::uint8_t byte_class = kClasses[static_cast<unsigned char>(*at)];
    state = kTransitions[static_cast<std::size_t>(state) + byte_class];
    ++at;
    if (state == kReject) break;
  }
  state_ = state;
  return state != kReject;
}

std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

}  // namespace indaba::ws
