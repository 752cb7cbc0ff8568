#include "base/text.hpp"
#include "http/request_head.hpp"

#include <algorithm>

namespace indaba::http {
namespace {

constexpr RequestError kBadTarget{400, "The address is not valid."};

bool has_dot_segment(std::string_view path) noexcept {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

bool has_encoded_slash(std::string_view path) noexcept {
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1))
    if (text::equal_ignoring_case(path.substr(at, 3), "%2f")) return true;
  return false;
}

// Cuts scheme and authority off an absolute URI (a client that takes us for a proxy). false where
// it is none that we serve.
bool split_absolute(std::string_view& target, std::string& authority) {
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return false;
  const std::string_view scheme = target.substr(0, colon);
  if (!text::equal_ignoring_case(scheme, "http") && !text::equal_ignoring_case(scheme, "https"))
    return false;
  target.remove_prefix(colon + 3);
  authority = target.substr(0, target.find_first_of("/?"));
  target.remove_prefix(authority.size());
  return !authority.empty() && authority.find('@') == std::string::npos;
}

}  // namespace

RequestError parse_target(std::string_view target, Method method, Target& out) {
  const bool printable =
      std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!printable || target.find('#') != std::string_view::npos) return kBadTarget;
  if (target == "*") {
    if (method != Method::options) return kBadTarget;
    out.path = target;
    return {};
  }
  if (!target.starts_with('/') && !split_absolute(target, out.authority)) return kBadTarget;

  const std::size_t question = target.find('?');
  if (question != std::string_view::npos) out.query = target.substr(question + 1);
  std::string_view raw = target.substr(0, question);
  if (raw.empty()) raw = "/";  // "http://host" and "http://host?query"
  if (has_encoded_slash(raw)) return kBadTarget;
  auto path = percent_decode(raw, false);
  if (!path || path->find('\0') != std::string::npos || !text::is_utf8(*path) ||
      has_dot_segment(*path))
    return kBadTarget;
  out.path = std::move(*path);
  return {};
}

}  // namespace indaba::http
