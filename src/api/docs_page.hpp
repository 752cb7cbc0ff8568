// The readable pages at /api/docs/: plain HTML from the same tables as the OpenAPI description,
// with nothing loaded from elsewhere.
#pragma once

#include "api/endpoint.hpp"
#include "api/frames.hpp"
#include "api/stream_names.hpp"

#include <string>
#include <string_view>

namespace indaba::api {

[[nodiscard]] std::string docs_page(const Endpoints& endpoints, const Frames& frames,
                                    const StreamNames& streams);
[[nodiscard]] std::string_view docs_stylesheet() noexcept;

}  // namespace indaba::api
