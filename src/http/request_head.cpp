#include "http/request_head.hpp"

#include "base/text.hpp"
#include "http/grammar.hpp"

#include <algorithm>
// The only place that includes Beast's parser: its headers are slow to compile.
#include <boost/beast/http/basic_parser.hpp>

namespace indaba::http {
namespace {

namespace beast = boost::beast;

// Beast reads the head and calls back; the body is ours (see chunk_decoder.hpp), so that it is told
// of none.
class HeadParser final : public beast::http::basic_parser<true> {
 public:
  explicit HeadParser(Request& request) : request_(request) {
    header_limit(1U << 20U);  // the scanner's limits hold
    body_limit(boost::none);
  }

  [[nodiscard]] bool method_known() const noexcept { return method_known_; }

 private:
  using string_view = beast::string_view;
  using error_code = beast::error_code;

  static std::string_view sv(string_view s) noexcept { return {s.data(), s.size()}; }

  void on_request_impl(beast::http::verb, string_view method, string_view target, int version,
                       error_code&) override {
    const auto known = indaba::http::parse_method(sv(method));
    method_known_ = known.has_value();
    request_.method = known.value_or(Method::get);
    request_.target = sv(target);
    request_.version_minor = version % 10;
  }
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(beast::http::field, string_view name, string_view value,
                     error_code&) override {
    request_.headers.add(sv(name), sv(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  Request& request_;
  bool method_known_ = false;
};

RequestError read_transfer_encoding(const Request& request, BodyFraming& framing) {
  const Headers& headers = request.headers;
  const auto value = headers.find("transfer-encoding");
  if (!value) return {};
  if (headers.count("content-length") > 0)
    return bad_request("There are both a Content-Length and a Transfer-Encoding.");
  if (headers.count("transfer-encoding") > 1 || request.version_minor == 0)
    return bad_request("The Transfer-Encoding is not valid.");
  if (!text::equal_ignoring_case(*value, "chunked")) {
    std::size_t chunked = 0;
    for (std::string_view rest = *value; !rest.empty();) {
      const std::string_view coding = next_list_element(rest);
      if (!is_token(coding)) return bad_request("The Transfer-Encoding is not valid.");
      if (text::equal_ignoring_case(coding, "chunked")) ++chunked;
    }
    if (value->empty() || chunked > 1) return bad_request("The Transfer-Encoding is not valid.");
    return {501, "Only the transfer coding \"chunked\" is understood."};
  }
  framing.kind = BodyFraming::Kind::chunked;
  return {};
}

RequestError read_content_length(const Headers& headers, BodyFraming& framing) {
  const auto value = headers.find("content-length");
  if (!value) return {};
  // 18 digits are an exabyte, and cannot overflow.
  if (headers.count("content-length") > 1 || value->empty() || value->size() > 18 ||
      !std::all_of(value->begin(), value->end(), is_digit))
    return bad_request("The Content-Length is not valid.");
  for (const char digit : *value)
    framing.length = framing.length * 10 + static_cast<std::uint64_t>(digit - '0');
  if (framing.length > 0) framing.kind = BodyFraming::Kind::length;
  return {};
}

bool is_host(std::string_view host) noexcept {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._~:[]%").find(c) != std::string_view::npos;
  });
}

RequestError check_host(const Request& request, const Target& target) {
  const std::size_t hosts = request.headers.count("host");
  if (hosts > 1 || (hosts == 0 && request.version_minor > 0))
    return bad_request("There must be exactly one Host.");
  if (hosts == 0) return {};
  const std::string_view host = *request.headers.find("host");
  if (!is_host(host)) return bad_request("The Host is not valid.");
  if (!target.authority.empty() && !text::equal_ignoring_case(target.authority, host))
    return bad_request("The address and the Host do not agree.");
  return {};
}

RequestError check_expectation(const Request& request, BodyFraming& framing) {
  const auto expect = request.headers.find("expect");
  if (!expect || request.version_minor == 0) return {};
  if (request.headers.count("expect") > 1 || !text::equal_ignoring_case(*expect, "100-continue"))
    return {417, "Only the expectation \"100-continue\" can be met."};
  framing.expects_continue = framing.kind != BodyFraming::Kind::none;
  return {};
}

bool wants_keep_alive(const Request& request) noexcept {
  if (request.headers.has_token("connection", "close")) return false;
  return request.version_minor > 0 || request.headers.has_token("connection", "keep-alive");
}

}  // namespace

RequestError parse_request_head(std::string_view head, Request& request, BodyFraming& framing) {
  HeadParser parser(request);
  beast::error_code ec;
  const std::size_t parsed = parser.put({head.data(), head.size()}, ec);
  if (ec || parsed != head.size()) return bad_request("The request head is not valid HTTP.");

  if (const auto error = read_transfer_encoding(request, framing)) return error;
  if (const auto error = read_content_length(request.headers, framing)) return error;
  Target target;
  if (!parser.method_known()) return {501, "The method is not known here."};
  if (const auto error = parse_target(request.target, request.method, target)) return error;
  if (const auto error = check_host(request, target)) return error;
  // HTTP/2 without TLS would take the connection out of our hands.
  if (request.headers.has_token("upgrade", "h2c")) return bad_request("h2c is not spoken here.");
  if (const auto error = check_expectation(request, framing)) return error;
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  request.keep_alive = wants_keep_alive(request);
  return {};
}

}  // namespace indaba::http
