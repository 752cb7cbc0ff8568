// The API's description of itself: OpenAPI 3.1, made from the tables that serve requests and
// frames, so that it cannot be out of date. `x-access` says who may call, `x-scope` what an API key
// needs, `x-frames` and `x-streams` what sockets speak.
#pragma once

#include "api/endpoint.hpp"
#include "api/frames.hpp"
#include "api/stream_names.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace indaba::api {

[[nodiscard]] boost::json::object openapi(const Endpoints& endpoints, const Frames& frames,
                                          const StreamNames& streams);

// "member", "anyone", …
[[nodiscard]] std::string_view name_of(Access access) noexcept;

// The names inside the braces of a pattern, in order.
[[nodiscard]] std::vector<std::string> params_of(std::string_view pattern);

// The errors that a call of this kind can get, its own ones first.
[[nodiscard]] std::vector<ErrorDocs> errors_of(const Endpoint& endpoint);

}  // namespace indaba::api
