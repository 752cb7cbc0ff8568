// One event as HTTP gives it by its number: what readers of its stream see, and whole, however long
// it is.
#pragma once

#include "api/stream_names.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "db/session.hpp"

#include <string>
#include <string_view>

namespace indaba::api {

// The flat JSON object; `body` is what an event's members are stored as: ",\"a\":1".
[[nodiscard]] std::string whole_event(std::string_view type, std::string_view stream_name, Seq seq,
                                      WallTime created_at, std::string_view body);

// Reads it. not_found where there is none, or none any more.
[[nodiscard]] Result<std::string> read_whole_event(db::Session& session, StreamId stream,
                                                   std::string_view stream_name, Seq seq);

}  // namespace indaba::api
