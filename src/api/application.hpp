// Application: one request's way through the API, from the table of endpoints to the bytes of the
// answer.
//
//   match -> authenticate -> access -> origin -> rate limit -> read -> repeats -> handler -> JSON
//   -> gzip, CORS, headers
//
// Immutable after construction and shared by all loops; handle() runs on the loop of its connection
// and resumes there. Every outcome is a response: an exception from a handler is a 500 that tells
// its caller nothing, and its log what happened.
#pragma once

#include "api/checks.hpp"
#include "api/endpoint.hpp"
#include "api/idempotency.hpp"
#include "api/org_gate.hpp"
#include "api/rate_limit.hpp"
#include "auth/authenticator.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/task.hpp"
#include "http/cors.hpp"
#include "http/message.hpp"
#include "http/router.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace indaba::api {

// What became of a request, for logs and metrics.
struct Served {
  const http::Request& request;
  std::string_view route;  // the pattern, or "" where nothing matched
  int status = 0;
  Millis duration{0};
  UserId user;
  OrgId org;
  std::string_view log;  // of an error: for the operator only
};

class Application {
 public:
  // All outlive the application.
  struct Parts {
    auth::Authenticator& authenticator;
    OrgGate& orgs;
    RateLimiter& limiter;
    const RateLimits& limits;
    Idempotency& idempotency;
    const http::AllowedOrigins& origins;
    const Clock& clock;
    Random& random;
  };
  // Called on the loop for every request that ends; must not block.
  using OnServed = std::function<void(const Served&)>;

  Application(Endpoints endpoints, Parts parts, OnServed on_served = {});

  Task<http::Response> handle(http::Request request) const;
  // What is refused before the API is asked: answered, counted and logged like all others. On a
  // loop.
  [[nodiscard]] http::Response refuse(http::Request request, const Error& error) const;
  [[nodiscard]] const Endpoints& endpoints() const noexcept { return endpoints_; }

 private:
  struct Visit;  // what is learnt about a request on its way

  Task<Result<http::Response>> serve(http::Request request, Visit& visit) const;
  Task<Result<http::Response>> call(http::Request request, const Endpoint& endpoint,
                                    PathParams params, Visit& visit) const;
  Task<Result<void>> admit(const http::Request& request, const Endpoint& endpoint,
                           const PathParams& params, Visit& visit) const;
  Task<Result<http::Response>> run_once(Result<Endpoint::Ready> ready, Idempotency::Begun begun,
                                        const Visit& visit) const;
  void finish(const http::Request& request, const Visit& visit, http::Response& response) const;

  Endpoints endpoints_;
  http::Router router_;
  Parts parts_;
  OnServed on_served_;
};

}  // namespace indaba::api
