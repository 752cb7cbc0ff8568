// The echo socket at /test/echo, behind --test-echo: the production codec with nothing around it,
// for conformance suites.
#pragma once

#include "api/endpoint.hpp"
#include "gateway/gateway.hpp"

namespace indaba::gateway {

void add_echo_route(api::Endpoints& endpoints, Gateway& gateway);

}  // namespace indaba::gateway
