// Giving a group of events their places in their streams: what both databases share, and
// PostgreSQL's way, which asks few questions for many events (event_log.hpp).
#pragma once

#include "stream/event_log.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace indaba::stream {

inline constexpr std::size_t kHashBytes = 16;
using ContentHash = std::array<char, kHashBytes>;

// Kept beside the event, because the event itself may be emptied later (a deleted message) and its
// repetition is still the same.
[[nodiscard]] ContentHash content_hash(const db::EventDraft& draft);
[[nodiscard]] inline std::string_view view(const ContentHash& hash) {
  return {hash.data(), hash.size()};
}

[[nodiscard]] Error stream_is_gone();
[[nodiscard]] Error keeps_no_events();
[[nodiscard]] Error key_of_other_content();

// Where a dedupe key was used.
struct FirstUse {
  db::Appended place;
  std::string hash;
};

struct BulkAppend {
  std::span<const StreamId> taken;
  std::optional<std::size_t>& guilty;
  HeadListener* heads;  // told of what is taken; may be nullptr
  std::int64_t now;
};

// Takes the streams' rows, those of `taken` too, in one statement, in the order of their ids, so
// that two nodes never wait for each other; asks for all dedupe keys at once; and leaves the rows
// to go with the commit.
[[nodiscard]] Result<void> append_in_bulk(db::Session& session, std::span<db::StagedEvent> events,
                                          const BulkAppend& how);

}  // namespace indaba::stream
