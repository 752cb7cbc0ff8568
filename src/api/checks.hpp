// The checks that every call passes before its handler sees it, each a pure function.
#pragma once

#include "api/call.hpp"
#include "api/endpoint.hpp"
#include "api/rate_limit.hpp"
#include "auth/principal.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "http/cors.hpp"
#include "http/message.hpp"

#include <string>
#include <vector>

namespace indaba::api {

// How often what may be called, in a minute where nothing else is said. A limit of 0 is no limit.
// The operator may change it while it is read.
struct RateLimits {
  Live<std::int64_t> writes = 120;        // a user
  Live<std::int64_t> key_writes = 6'000;  // an API key
  Live<std::int64_t> passwords = 10;      // an address
  Live<std::int64_t> sessions = 60;       // a sign-in
  Live<std::int64_t> handshakes = 100;    // an address, in a second
  // Requests with a password or for a token, by address in a second; where it is set, it stands in
  // for `passwords`, and beside `sessions`.
  Live<std::int64_t> auth_a_second = 0;
};

struct RateCharge {
  std::string key;
  RateRule rule;
};

[[nodiscard]] constexpr bool is_unsafe(http::Method method) noexcept {
  return method != http::Method::get && method != http::Method::head &&
         method != http::Method::options;
}

// Does this access speak of the organisation in the path?
[[nodiscard]] constexpr bool is_of_org(Access access) noexcept {
  return access >= Access::member && access <= Access::owner;
}

// May this caller call at all? 401 for strangers, before anything is looked up.
[[nodiscard]] Result<void> check_identity(const Docs& docs, const auth::Principal& principal);

// Is the role high enough, and has an API key the scope?
[[nodiscard]] Result<void> check_role(const Docs& docs, const auth::Principal& principal,
                                      const Membership& membership);

// A change by cookie must come from a page of an allowed origin: a browser sends the cookie with
// any page's request.
[[nodiscard]] Result<void> check_origin(const http::Request& request,
                                        const auth::Principal& principal,
                                        const http::AllowedOrigins& allowed);

// What the call is counted against, if anything.
[[nodiscard]] std::vector<RateCharge> charges_of(const Docs& docs, const http::Request& request,
                                                 const auth::Principal& principal,
                                                 const RateLimits& limits);

// A change by somebody who is known, whichever way it comes.
[[nodiscard]] RateCharge write_charge(const auth::Principal& principal, const RateLimits& limits);
// For what is no request of its own: a socket's frame counts as a change by HTTP does.
[[nodiscard]] Result<void> charge_write(RateLimiter& limiter, const auth::Principal& principal,
                                        const RateLimits& limits);

// X-Request-ID as sent, if it is 1 to 128 of [A-Za-z0-9._-]; a new one otherwise.
[[nodiscard]] std::string request_id_of(const http::Request& request, Random& random);

}  // namespace indaba::api
