// Rewriting an event that is kept: what was deleted must not come back in a replay.
//
// The event keeps its place, its type and its time, so there is no gap. rewrite_event() runs inside
// a transaction, on a database thread; RewriteListener is told after the commit, from any thread.
#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "db/session.hpp"

#include <string_view>

namespace indaba::stream {

// Whoever holds events of a stream in memory lets go of them.
class RewriteListener {
 public:
  virtual ~RewriteListener() = default;
  virtual void on_rewritten(StreamId stream) = 0;
};

// `body` as in Event::body. An event that is no longer kept is no error.
[[nodiscard]] Result<void> rewrite_event(db::Session& session, StreamId stream, Seq seq,
                                         std::string_view body);

}  // namespace indaba::stream
