// Archive: events whose time is over are kept in compressed files before they are deleted.
//
//   <dir>/2026/01/events-<stream>-<epoch>-<from>-<to>.jsonl.gz   at most 1,000 events of one day
//   <dir>/manifest.jsonl    a line a file: its path, SHA-256, counts, first and last `seq`, times
//
// A file is there whole or not at all, the manifest names it once, and only then its events are
// deleted. Only whole days (UTC) go. A run that dies is gone on with: what the manifest's last line
// names is deleted, what no line names is written again, to the same name. One run at a time has
// the folder, by a lock on it.
//
// Blocks: for a thread that may wait. After an error what was archived stays, and the next run goes
// on.
#pragma once

#include "stream/retention.hpp"

#include <filesystem>
#include <functional>

namespace indaba::ops {

struct ArchiveRequest {
  std::filesystem::path dir;  // empty: nothing is kept, the events just go
  stream::RetentionPolicy policy;
  WallTime now{};
  std::function<bool()> stopping;  // asked between files
};

struct ArchiveReport {
  std::int64_t streams = 0;  // that lost events
  std::int64_t events = 0;   // that were deleted
  std::int64_t files = 0;    // that were written
  bool busy = false;         // somebody else has the folder: nothing was done
};

// `listener` may be nullptr.
[[nodiscard]] Result<ArchiveReport> archive_old_events(db::Database& database,
                                                       const ArchiveRequest& request,
                                                       stream::RetentionListener* listener);

}  // namespace indaba::ops
