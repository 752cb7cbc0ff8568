// HeadSource: where all the streams that somebody follows stand in the log, asked at once; and how
// those begin anew of which the log has lost events. The seam between the comparison of heads
// (cluster/head_watch.hpp) and the database; simulation has its own.
//
// Calls come from a loop, and the answer comes back on that loop, never within the call.
#pragma once

#include "base/result.hpp"
#include "stream/event.hpp"

#include <functional>
#include <vector>

namespace indaba::stream {

// The epoch of a stream that has lost what was acknowledged: its numbers are given out again.
struct LostEpoch {
  StreamId stream;
  std::string epoch;
};

class HeadSource {
 public:
  using OnHeads = std::move_only_function<void(Result<std::vector<StreamHead>>)>;
  virtual ~HeadSource() = default;
  // Streams that are not there are `gone`.
  virtual void read_heads(std::vector<std::int64_t> streams, OnHeads on_heads) = 0;
  using OnBegun = std::move_only_function<void(Result<void>)>;
  // Each begins another epoch, where it is in the lost one still: several nodes may ask for it.
  virtual void begin_epochs(std::vector<LostEpoch> lost, OnBegun on_begun) = 0;
};

}  // namespace indaba::stream
