// UTF-8 checked piece by piece, so that a message fails at its first invalid byte, wherever the
// network has cut it.
//
// One byte of state. The automaton is Björn Höhrmann's
// (http://bjoern.hoehrmann.de/utf-8/decoder/dfa/, MIT licence): it refuses over-long forms,
// surrogates and code points above U+10FFFF at the first byte that makes them so. ASCII, which is
// nearly everything, is skipped eight bytes at a time.
#pragma once

#include <cstdint>
#include <string_view>

namespace indaba::ws {

class Utf8Validator {
 public:
  // Takes the next piece. false: the text so far is no prefix of any valid text, and nothing that
  // follows can help.
  [[nodiscard]] bool feed(std::string_view piece) noexcept;
  // Does the text so far end between two code points?
  [[nodiscard]] bool complete() const noexcept { return state_ == kAccept; }
  void reset() noexcept { state_ = kAccept; }

 private:
  static constexpr std::uint8_t kAccept = 0;
  std::uint8_t state_ = kAccept;
};

// The longest prefix of valid UTF-8 text that fits into `max_bytes` and cuts no code point.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) noexcept;

}  // namespace indaba::ws
