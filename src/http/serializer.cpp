#include "http/serializer.hpp"

#include "http/grammar.hpp"

#include <array>
#include <ctime>
#include <fmt/format.h>
#include <iterator>

namespace indaba::http {
namespace {

struct ReasonPhrase {
  int status;
  std::string_view text;
};
constexpr std::array kReasonPhrases = std::to_array<ReasonPhrase>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
});

bool is_framing_field(std::string_view name) noexcept {
  return name == "content-length" || name == "connection" || name == "keep-alive" ||
         name == "date" || name == "transfer-encoding";
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (!is_token(name)) return;
  out.append(name).append(": ");
  for (const char c : text::trim(value)) {
    const auto byte = static_cast<unsigned char>(c);
    out += (byte < 0x20 && c != '\t') || byte == 0x7F ? ' ' : c;
  }
  out.append("\r\n");
}

void append_head(std::string& out, const Response& response, const ResponseFraming& framing,
                 bool keep_alive) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status,
                 reason_phrase(response.status));
  for (const auto& [name, value] : response.headers.fields())
    if (!is_framing_field(name)) append_field(out, name, value);

  const auto unless_set = [&](std::string_view name, std::string_view value) {
    if (!response.headers.find(name)) append_field(out, name, value);
  };
  unless_set("x-content-type-options", "nosniff");
  unless_set("referrer-policy", "same-origin");
  unless_set("content-security-policy", "frame-ancestors 'none'");
  if (framing.secure) unless_set("strict-transport-security", "max-age=31536000");
  if (!framing.date.empty()) append_field(out, "date", framing.date);

  // A 426 has to name its Upgrade as an option of this connection (RFC 9110, section 7.8).
  const bool upgrade = response.headers.find("upgrade").has_value();
  if (!keep_alive)
    append_field(out, "connection", upgrade ? "close, upgrade" : "close");
  else if (upgrade)
    append_field(out, "connection", "upgrade");
  else if (framing.version_minor == 0)
    append_field(out, "connection", "keep-alive");
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  for (const ReasonPhrase& phrase : kReasonPhrases)
    if (phrase.status == status) return phrase.text;
  return "Status";
}

void append_fields(std::string& out, const Headers& headers) {
  for (const auto& [name, value] : headers.fields()) append_field(out, name, value);
}

void append_response(std::string& out, const Response& response, const ResponseFraming& framing) {
  append_head(out, response, framing, framing.keep_alive && !response.close);
  const bool bodiless = response.status < 200 || response.status == 204 || response.status == 304;
  const std::uint64_t length = response.pieces ? response.pieces->length : response.body.size();
  if (!bodiless) append_field(out, "content-length", std::to_string(length));
  out.append("\r\n");
  if (!bodiless && !framing.head_request) out.append(response.body);
}

void append_stream_head(std::string& out, const Response& response,
                        const ResponseFraming& framing) {
  append_head(out, response, framing, false);
  out.append("\r\n");
}

std::string format_http_date(std::int64_t unix_seconds) {
  static constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                         "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                     kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace indaba::http
