// EventRequest: what GET /api/v1/events asks for, the same for an event stream, a long poll and a
// page.
#pragma once

#include "api/call.hpp"
#include "api/stream_names.hpp"
#include "base/reflect.hpp"
#include "gateway/gateway.hpp"
#include "gateway/pending_access.hpp"

#include <boost/describe.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace indaba::gateway {

struct EventsQuery {
  std::vector<std::string> stream;  // "me", or with a start of its own: "me@12:<epoch>"
  std::optional<json::Int<0, kMaxSeq.value>> since;
  std::optional<json::Text<0, 64>> epoch;
  std::optional<json::Int<0, 500>> last;
  std::optional<json::Text<1, 16384>> cursor;
  std::optional<json::Int<1, 1000>> limit;
  std::optional<json::Int<0, 25>> wait;
};
BOOST_DESCRIBE_STRUCT(EventsQuery, (), (stream, since, epoch, last, cursor, limit, wait))

struct WantedStream {
  api::ResolvedStream resolved;
  stream::Start start;
};

// Who asks, for which streams, from where: checked, and kept under watch until the reader stands.
struct EventRequest {
  auth::Principal principal;
  std::vector<WantedStream> streams;
  ConnectionLimits::Place place;
  std::shared_ptr<PendingAccess> access;
};

inline constexpr std::size_t kMaxStreamsARequest = 32;

// Errors: malformed (a bad cursor, `since` with several streams), not_found (one that is not for
// the caller makes it the answer for all), rate_limited, unavailable.
Task<Result<std::shared_ptr<EventRequest>>> read_event_request(
    Gateway& gateway, api::Call<api::Nothing, EventsQuery> call);

}  // namespace indaba::gateway
