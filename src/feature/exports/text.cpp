#include "feature/exports/text.hpp"

#include <zlib.h>

namespace indaba::exports {

namespace {

constexpr std::string_view kFormulaBegins = "=+-@\t\r\n";

void append_comma(std::string& out) {
  if (!out.empty() && !out.ends_with("\r\n")) out += ',';
}

}  // namespace

void append_csv_text(std::string& out, std::string_view text) {
  append_comma(out);
  out += '"';
  if (!text.empty() && kFormulaBegins.find(text.front()) != std::string_view::npos) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
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
