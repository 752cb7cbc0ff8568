// A connection's bytes: the request parser finds the same requests and the same error in one piece
// and in many, and every request that it lets through is what a handler may rely on.
//
// The first byte of an input chooses how the rest is cut.
#include "base/check.hpp"
#include "base/text.hpp"
#include "http/parser.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace indaba;
using State = http::RequestParser::State;

struct Found {
  std::vector<http::Request> requests;
  int error = 0;
  bool operator==(const Found& other) const {
    if (error != other.error || requests.size() != other.requests.size()) return false;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const auto& a = requests[i];
      const auto& b = other.requests[i];
      if (a.method != b.method || a.target != b.target || a.path != b.path || a.body != b.body ||
          a.headers.fields() != b.headers.fields() || a.keep_alive != b.keep_alive)
        return false;
    }
    return true;
  }
};

constexpr std::size_t kBodyLimit = 64;

Found parse(std::string_view bytes, std::size_t step) {
  static const http::ParserLimits kLimits{
      .head = {.target_bytes = 64, .field_line_bytes = 128, .head_bytes = 512, .fields = 6},
      .body_bytes = kBodyLimit};
  http::RequestParser parser(kLimits);
  Found found;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    while (!piece.empty()) {
      const std::size_t taken = parser.feed(piece);
      check(taken <= piece.size(), "no more is taken than there is");
      piece.remove_prefix(taken);
      if (parser.state() == State::complete) found.requests.push_back(parser.take());
      if (parser.state() != State::error) continue;
      found.error = parser.error().status;
      return found;
    }
  }
  return found;
}

void check_request(const http::Request& request) {
  check(text::is_utf8(request.path) && request.path.find('\0') == std::string::npos,
        "a path is clean text");
  check(request.path.starts_with('/') || request.path == "*", "a path starts at the root");
  check((request.path + "/").find("/../") == std::string::npos, "a path climbs nowhere");
  check(request.body.size() <= kBodyLimit, "the limit must hold");
  check(request.version_minor == 0 || request.headers.count("host") == 1, "there is one host");
  for (const auto& [name, value] : request.headers.fields())
    check((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
          "a field is one line");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Found whole = parse(bytes, bytes.size() + 1);
  check(whole == parse(bytes, 1U + data[0] % 16U), "a cut must change nothing");
  for (const auto& request : whole.requests) check_request(request);
  return 0;
}
