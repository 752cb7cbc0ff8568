// Rewriting events that are kept: what was deleted must not come back in a replay.
//
// An event keeps its place, its type and its time, so there is no gap. Whoever holds events of the
// stream in memory lets go of them: in this process once the change is committed, before its caller
// is answered; on other nodes when they hear of it, or when they see that the stream counts one
// more rewrite than they knew of.
#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

#include <span>
#include <string_view>

namespace indaba::stream {

// On a writer's thread, after the commit.
class RewriteListener {
 public:
  virtual ~RewriteListener() = default;
  virtual void on_rewritten(StreamId stream) = 0;
};

// Inside a change that also appends to `stream` (the event that tells of it): whoever appends holds
// the stream's row, and rows are taken in the order of their ids. `body` as in Event::body. An
// event that is no longer kept is no error. `listener` outlives the commit.
[[nodiscard]] Result<void> rewrite_events(db::WriteTx& tx, RewriteListener& listener,
                                          StreamId stream, std::span<const Seq> seqs,
                                          std::string_view body);

}  // namespace indaba::stream
