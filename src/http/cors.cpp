#include "http/cors.hpp"

#include <algorithm>

namespace indaba::http {

namespace {

constexpr std::string_view kRequestHeaders =
    "Authorization, Content-Type, Idempotency-Key, X-Request-ID, Last-Event-ID";
constexpr std::string_view kExposedHeaders =
    "X-Request-ID, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Location, "
    "Idempotency-Replayed";
constexpr std::string_view kPreflightSeconds = "600";

}  // namespace

void AllowedOrigins::replace(std::vector<std::string> origins) {
  std::erase(origins, "null");
  std::erase(origins, "*");
  origins_.store(std::make_shared<const std::vector<std::string>>(std::move(origins)));
}

bool AllowedOrigins::allows(std::string_view origin) const {
  const auto origins = origins_.load();
  return std::find(origins->begin(), origins->end(), origin) != origins->end();
}

bool AllowedOrigins::allows_request(const Headers& headers) const {
  const auto origin = headers.find("origin");
  return origin && headers.count("origin") == 1 && allows(*origin);
}

void add_cors_headers(const AllowedOrigins& allowed, const Headers& request_headers,
                      Response& response) {
  response.headers.add("vary", "Origin");
  if (!allowed.allows_request(request_headers)) return;
  response.headers.set("access-control-allow-origin", *request_headers.find("origin"));
  response.headers.set("access-control-allow-credentials", "true");
  response.headers.set("access-control-expose-headers", kExposedHeaders);
}

bool is_preflight(const Request& request) noexcept {
  return request.method == Method::options && request.headers.find("origin") &&
         request.headers.find("access-control-request-method");
}

Response options_response(const AllowedOrigins& allowed, const Request& request,
                          MethodSet methods) {
  Response response;
  response.status = 204;
  response.headers.set("allow", methods.to_allow());
  add_cors_headers(allowed, request.headers, response);
  if (is_preflight(request) && allowed.allows_request(request.headers)) {
    response.headers.set("access-control-allow-methods", methods.to_allow());
    response.headers.set("access-control-allow-headers", kRequestHeaders);
    response.headers.set("access-control-max-age", kPreflightSeconds);
  }
  return response;
}

}  // namespace indaba::http
