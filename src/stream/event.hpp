// An event as the log keeps it, and a page of the log.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"

#include <memory>
#include <string>
#include <vector>

namespace indaba::stream {

// Immutable once committed; shared by every loop and reader that still needs it.
struct Event {
  StreamId stream;
  Seq seq;  // 0 for an ephemeral event, which is never stored
  WallTime created_at{};
  std::string type;
  std::string body;  // "" or ",\"task_id\":123,…": see db::EventDraft
  // Of a sign (stream/publisher.hpp), whose created_at is none: whoever it is about does not get
  // it.
  UserId except = {};
};
using EventPtr = std::shared_ptr<const Event>;

// Where a stream stands. `oldest` is the first seq that retention has left (head + 1 where nothing
// is kept).
struct StreamState {
  std::string epoch;
  Seq head;
  Seq oldest{1};
};

// A stream as another node may have moved it: what a node compares with what it has heard.
struct StreamHead {
  StreamId stream;
  StreamState state;
  std::int64_t rewrites = 0;
  bool gone = false;  // there is no such stream
};

// A sign of life (typing, presence): stale at once, and so without a time of its own.
[[nodiscard]] inline bool is_sign(const Event& event) noexcept {
  return event.seq == Seq{} && event.created_at == WallTime{};
}

struct Page {
  StreamState state;             // from the same snapshot as the events
  std::vector<EventPtr> events;  // in order, without holes, all in [oldest, head]
};

}  // namespace indaba::stream
