#include "api/checks.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace indaba::api {

namespace {

constexpr std::size_t kMaxRequestId = 128;
constexpr Millis kSecond{1'000};
constexpr Millis kMinute{60'000};

auth::Role least_role(Access access) noexcept {
  switch (access) {
    case Access::owner:
      return auth::Role::owner;
    case Access::admin:
      return auth::Role::admin;
    case Access::moderator:
      return auth::Role::moderator;
    default:
      return auth::Role::member;
  }
}

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestId && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::string caller_key(const auth::Principal& principal, const http::Request& request) {
  if (principal.is_user()) return fmt::format("u:{}", principal.user.value);
  return "a:" + rate_key_of_address(request.client_address);
}

}  // namespace

Result<void> check_identity(const Docs& docs, const auth::Principal& principal) {
  if (docs.access == Access::anyone) return {};
  if (!principal.is_known()) return Error(ErrorKind::unauthenticated, "Sign in first.");
  if (principal.credential == auth::CredentialKind::socket_token)
    return Error(ErrorKind::unauthenticated, "A socket token opens sockets and nothing else.");
  if (docs.access == Access::user && !principal.is_user() && docs.scope.empty())
    return Error(ErrorKind::forbidden, "An API key cannot do this.");
  if (docs.access == Access::superuser && !principal.superuser)
    return Error(ErrorKind::forbidden, "Only a superuser may do this.");
  return {};
}

Result<void> check_role(const Docs& docs, const auth::Principal& principal,
                        const Membership& membership) {
  if (principal.kind == auth::PrincipalKind::api_key) {
    if (principal.key_org != membership.org)
      return Error(ErrorKind::not_found, "There is no such organisation.");
    if (docs.scope.empty()) return Error(ErrorKind::forbidden, "An API key cannot do this.");
    // "admin" includes whatever else a key may be for.
    if (!principal.has_scope(docs.scope) && !principal.has_scope("admin"))
      return Error(ErrorKind::forbidden,
                   fmt::format("This needs an API key with the scope \"{}\".", docs.scope));
  }
  if (membership.role < least_role(docs.access))
    return Error(ErrorKind::forbidden, "Your role in this organisation does not allow this.");
  return {};
}

Result<void> check_origin(const http::Request& request, const auth::Principal& principal,
                          const http::AllowedOrigins& allowed) {
  if (principal.credential != auth::CredentialKind::session_cookie || !is_unsafe(request.method))
    return {};
  if (allowed.allows_request(request.headers)) return {};
  return Error(ErrorKind::forbidden,
               "A change with a session cookie must come from an allowed origin.");
}

std::vector<RateCharge> charges_of(const Docs& docs, const http::Request& request,
                                   const auth::Principal& principal, const RateLimits& limits) {
  if (docs.limit == Limit::none) return {};
  if (docs.limit == Limit::by_method && !is_unsafe(request.method)) return {};
  const auto address = rate_key_of_address(request.client_address);
  if (docs.limit == Limit::by_method) {
    if (principal.is_known()) return {write_charge(principal, limits)};
    return {{"write:a:" + address, {limits.writes, kMinute}}};
  }
  std::vector<RateCharge> charges;
  if (const auto most = limits.auth_a_second.get(); most > 0)
    charges.push_back({"auth:" + address, {most, kSecond}});
  else if (docs.limit == Limit::password)
    charges.push_back({"password:" + address, {limits.passwords, kMinute}});
  if (docs.limit == Limit::session) {
    const auto key = principal.session ? fmt::format("session:{}", principal.session.value)
                                       : "session:" + caller_key(principal, request);
    charges.push_back({key, {limits.sessions, kMinute}});
  }
  return charges;
}

RateCharge write_charge(const auth::Principal& principal, const RateLimits& limits) {
  if (principal.kind == auth::PrincipalKind::api_key)
    return {fmt::format("write:k:{}", principal.api_key.value), {limits.key_writes, kMinute}};
  return {fmt::format("write:u:{}", principal.user.value), {limits.writes, kMinute}};
}

Result<void> charge_write(RateLimiter& limiter, const auth::Principal& principal,
                          const RateLimits& limits) {
  const auto wanted = write_charge(principal, limits);
  return charge(limiter, wanted.key, wanted.rule, "Too many changes; wait a little.");
}

std::string request_id_of(const http::Request& request, Random& random) {
  const auto sent = request.headers.find("x-request-id");
  if (sent && is_request_id(*sent)) return std::string(*sent);
  std::array<std::byte, 16> bytes{};
  random.fill(bytes);
  return text::to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace indaba::api
