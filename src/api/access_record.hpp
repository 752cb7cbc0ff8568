// A change of access as an event that nodes leave each other in the log.
//
// The body is flat JSON like any event's; a node that does not know a kind (of a newer version)
// must take it for AccessUnknown.
#pragma once

#include "api/access_changes.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace indaba::api {

inline constexpr std::string_view kAccessEvent = "access";

struct AccessRecord {
  NodeId node;  // that committed it
  AccessChange change;
};

// As stream::Event::body.
[[nodiscard]] std::string to_body(const AccessRecord& record);
[[nodiscard]] Result<AccessRecord> read_access_record(std::string_view body);

}  // namespace indaba::api
