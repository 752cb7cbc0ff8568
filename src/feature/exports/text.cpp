#include "feature/exports/text.hpp"

#include <algorithm>
#include <array>
#include <zlib.h>

namespace indaba::exports {

namespace {

// = + - @, and the same in full width (U+FF1D U+FF0B U+FF0D U+FF20).
constexpr std::array<std::string_view, 8> kSigns{
    "=", "+", "-", "@", "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"};
constexpr std::string_view kBreaks = "\t\r\n";
// Behind one of these a cell begins, or a line, where the separator is another one than the comma:
// there a quote in the middle of what is between two of them holds nothing together.
constexpr std::string_view kOtherBegins = ";\t\r\n";

bool is_one_of(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

bool begins_with_sign(std::string_view text) {
  return std::ranges::any_of(kSigns, [&](auto sign) { return text.starts_with(sign); });
}

void append_comma(std::string& out) {
  if (!out.empty() && !out.ends_with("\r\n")) out += ',';
}

}  // namespace

void append_csv_text(std::string& out, std::string_view text) {
  append_comma(out);
  out += '"';
  if (!text.empty() && is_one_of(kBreaks, text.front())) out += '\'';
  bool begins = true;  // a cell, as some program may see it
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (begins && begins_with_sign(text.substr(i))) out += '\'';
    if (c == '"') out += '"';
    out += c;
    // A pair of quotes there is one that opens and one that closes: what follows still begins it.
    begins = is_one_of(kOtherBegins, c) || (begins && i > 0 && c == '"');
  }
  out += '"';
}

void append_csv_plain(std::string& out, std::string_view value) {
  append_comma(out);
  out += value;
}

void end_csv_line(std::string& out) {
  out += "\r\n";
}

Result<std::string> pack(std::string_view text) {
  auto size = compressBound(text.size());
  std::string packed(size, '\0');
  const auto done =
      compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                reinterpret_cast<const Bytef*>(text.data()), text.size(), Z_BEST_SPEED);
  if (done != Z_OK) return Error::internal("zlib could not compress");
  packed.resize(size);
  return packed;
}

Result<std::string> unpack(std::string_view packed, std::size_t size) {
  std::string text(size, '\0');
  auto length = static_cast<uLongf>(size);
  const auto done =
      uncompress(reinterpret_cast<Bytef*>(text.data()), &length,
                 reinterpret_cast<const Bytef*>(packed.data()), static_cast<uLong>(packed.size()));
  if (done != Z_OK || length != size) return Error::internal("a piece of an export is broken");
  return text;
}

}  // namespace indaba::exports
