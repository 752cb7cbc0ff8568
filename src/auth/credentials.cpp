#include "auth/credentials.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace indaba::auth {

namespace {

constexpr std::size_t kMaxCookieBytes = 256;

std::optional<Credentials> from_authorization(const http::Headers& headers) {
  const std::size_t fields = headers.count("authorization");
  if (fields == 0) return std::nullopt;
  if (fields > 1) return Credentials{Credentials::Source::broken, {}};
  const auto value = text::trim(*headers.find("authorization"));
  const auto space = value.find(' ');
  const auto scheme = value.substr(0, space);
  if (!text::equal_ignoring_case(scheme, "Bearer") && !text::equal_ignoring_case(scheme, "Token"))
    return std::nullopt;
  const auto token =
      space == std::string_view::npos ? std::string_view() : text::trim(value.substr(space));
  if (token.empty() || token.find(' ') != std::string_view::npos)
    return Credentials{Credentials::Source::broken, {}};
  return Credentials{Credentials::Source::header, std::string(token)};
}

std::optional<Credentials> from_cookie(const http::Request& request) {
  // Over TLS the plain name does not count: only `__Host-` cannot be planted by a neighbouring
  // host.
  const auto name = request.secure ? kSecureCookieName : kPlainCookieName;
  auto value = read_cookie(request.headers, name);
  if (!value || value->empty()) return std::nullopt;
  return Credentials{Credentials::Source::cookie, *std::move(value)};
}

std::optional<Credentials> from_subprotocols(const http::Headers& headers) {
  bool after_bearer = false;
  for (const auto& [name, value] : headers.fields()) {
    if (name != "sec-websocket-protocol") continue;
    for (const auto part : text::split(value, ',')) {
      const auto item = text::trim(part);
      if (after_bearer && !item.starts_with("indaba."))
        return Credentials{Credentials::Source::subprotocol, std::string(item)};
      after_bearer = item == "Bearer";
    }
  }
  return std::nullopt;
}

std::optional<Credentials> from_query(const http::Request& request) {
  const auto pairs = http::parse_query(request.query);
  if (!pairs) return std::nullopt;
  for (const auto& [name, value] : *pairs)
    if (name == "token") return Credentials{Credentials::Source::query, value};
  return std::nullopt;
}

}  // namespace

Credentials read_credentials(const http::Request& request) {
  if (auto found = from_authorization(request.headers)) return *std::move(found);
  if (auto found = from_cookie(request)) return *std::move(found);
  return {};
}

Credentials read_socket_credentials(const http::Request& request) {
  if (auto found = from_subprotocols(request.headers)) return *std::move(found);
  if (auto found = from_authorization(request.headers)) return *std::move(found);
  if (auto found = from_query(request)) return *std::move(found);
  if (auto found = from_cookie(request)) return *std::move(found);
  return {};
}

std::optional<std::string> read_cookie(const http::Headers& headers, std::string_view name) {
  std::optional<std::string> found;
  for (const auto& [field, value] : headers.fields()) {
    if (field != "cookie") continue;
    for (const auto part : text::split(value, ';')) {
      const auto pair = text::trim(part);
      const auto equals = pair.find('=');
      if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
      // Two cookies of that name: one of them was planted, and there is no telling which.
      if (found || pair.size() - equals > kMaxCookieBytes) return std::nullopt;
      found = std::string(pair.substr(equals + 1));
    }
  }
  return found;
}

std::string session_cookie(std::string_view secret, bool secure, std::chrono::seconds lifetime) {
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}",
                     secure ? kSecureCookieName : kPlainCookieName, secret, lifetime.count(),
                     secure ? "; Secure" : "");
}

std::string ended_session_cookie(bool secure) {
  return session_cookie("", secure, std::chrono::seconds(0));
}

}  // namespace indaba::auth
