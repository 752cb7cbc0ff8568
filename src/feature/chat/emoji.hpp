// Emoji: what people react with. 1 to 16 code points without spaces and control characters; what is
// an emoji and what is not changes every year, and is for clients to offer.
#pragma once

#include "base/codec.hpp"
#include "base/text.hpp"

#include <string>
#include <string_view>

namespace indaba::chat {

class Emoji {
 public:
  static constexpr std::size_t kMost = 16;

  Emoji() = default;
  explicit Emoji(std::string text) : text_(std::move(text)) {}
  // nullptr where it is right, else what is wrong with it.
  [[nodiscard]] static const char* problem_with(std::string_view text) noexcept {
    const bool printable = text::is_utf8(text) && text.find('\x7f') == std::string_view::npos &&
                           std::ranges::none_of(text, [](char c) { return c >= 0 && c <= ' '; });
    const auto length = printable ? text::count_code_points(text) : 0;
    return length >= 1 && length <= kMost ? nullptr : "must be 1 to 16 characters without spaces.";
  }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }

 private:
  std::string text_;
};

}  // namespace indaba::chat

template <>
struct indaba::json::Codec<indaba::chat::Emoji> : CodecTraits<Query::text> {
  static void read(const boost::json::value& v, chat::Emoji& out, Problems& problems) {
    const auto text = detail::read_text(v, 1, chat::Emoji::kMost, problems);
    if (!text) return;
    if (const char* problem = chat::Emoji::problem_with(*text)) return problems.invalid(problem);
    out = chat::Emoji(std::string(*text));
  }
  static void write(std::string& out, const chat::Emoji& v) { append_string(out, v.str()); }
  static boost::json::object schema(Use) { return detail::text_schema(1, chat::Emoji::kMost); }
};
