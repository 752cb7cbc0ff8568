#include "http/gzip.hpp"

#include "base/text.hpp"
#include "http/grammar.hpp"

#include <zlib.h>

namespace indaba::http {

namespace {

// The level at which nginx and we trade a few per cent of size for half the time.
constexpr int kLevel = 5;
constexpr int kGzipWindow = 15 + 16;  // zlib: 16 more asks for a gzip header

// "q=0", "q=0.0", "q=0.000": refused. Anything else is taken.
bool has_zero_weight(std::string_view parameters) {
  const auto q = parameters.find("q=");
  if (q == std::string_view::npos) return false;
  const auto weight = text::trim(parameters.substr(q + 2));
  return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
}

bool is_text(std::string_view content_type) {
  return content_type.starts_with("application/json") ||
         content_type.starts_with("application/problem+json") ||
         content_type.starts_with("application/javascript") ||
         content_type.starts_with("image/svg+xml") ||
         (content_type.starts_with("text/") && !content_type.starts_with("text/event-stream"));
}

}  // namespace

bool accepts_gzip(const Headers& request_headers) {
  std::optional<bool> by_name;
  std::optional<bool> by_star;
  for (const auto& [name, value] : request_headers.fields()) {
    if (name != "accept-encoding") continue;
    std::string_view list = value;
    while (!list.empty()) {
      const auto item = next_list_element(list);
      const auto semicolon = item.find(';');
      const auto coding = text::trim(item.substr(0, semicolon));
      const bool wanted =
          semicolon == std::string_view::npos || !has_zero_weight(item.substr(semicolon + 1));
      if (text::equal_ignoring_case(coding, "gzip")) by_name = wanted;
      if (coding == "*") by_star = wanted;
    }
  }
  return by_name.value_or(by_star.value_or(false));
}

std::optional<std::string> gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (done != Z_STREAM_END) return std::nullopt;
  return out;
}

void gzip_if_accepted(const Headers& request_headers, Response& response) {
  if (response.body.size() < kGzipFromBytes || response.take_over) return;
  if (response.headers.find("content-encoding")) return;
  if (!is_text(response.headers.find("content-type").value_or(""))) return;
  response.headers.add("vary", "Accept-Encoding");
  if (!accepts_gzip(request_headers)) return;
  auto packed = gzip(response.body);
  if (!packed) return;  // sent as it is
  response.body = *std::move(packed);
  response.headers.set("content-encoding", "gzip");
}

}  // namespace indaba::http
