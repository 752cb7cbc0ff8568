// CORS by allow-list: an origin on the list may read answers and send credentials; any other gets
// no CORS header at all, and "*" is never said.
#pragma once

#include "base/live_ptr.hpp"
#include "http/message.hpp"
#include "http/router.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::http {

// The origins that the operator allows, compared byte for byte ("https://app.example.com"). Any
// thread.
class AllowedOrigins {
 public:
  AllowedOrigins() : AllowedOrigins(std::vector<std::string>()) {}
  explicit AllowedOrigins(std::vector<std::string> origins) { replace(std::move(origins)); }
  // Other origins from now on.
  void replace(std::vector<std::string> origins);
  // "null" is never allowed, whatever the list says.
  [[nodiscard]] bool allows(std::string_view origin) const;
  // Of a request: exactly one Origin header, and allowed.
  [[nodiscard]] bool allows_request(const Headers& headers) const;

 private:
  LivePtr<const std::vector<std::string>> origins_;
};

// Adds the CORS headers that the request's Origin earns, and `Vary: Origin` in any case.
void add_cors_headers(const AllowedOrigins& allowed, const Headers& request_headers,
                      Response& response);

// Is this OPTIONS request a preflight, asked by a browser before the real one?
[[nodiscard]] bool is_preflight(const Request& request) noexcept;

// The answer to any OPTIONS request: 204 with Allow, and what a preflight from an allowed origin
// needs.
[[nodiscard]] Response options_response(const AllowedOrigins& allowed, const Request& request,
                                        MethodSet methods);

}  // namespace indaba::http
