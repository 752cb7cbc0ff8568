// GET /api/v1/events: one URL for server-sent events, long polls and pages; the Accept header
// decides.
#pragma once

#include "api/endpoint.hpp"
#include "gateway/gateway.hpp"

namespace indaba::gateway {

void add_event_routes(api::Endpoints& endpoints, Gateway& gateway);

}  // namespace indaba::gateway
