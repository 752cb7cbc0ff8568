// HeadSource: where all the streams that somebody follows stand in the log, asked at once. The seam
// between the comparison of heads (cluster/head_watch.hpp) and the database; simulation has its
// own.
//
// Calls come from a loop, and the answer comes back on that loop, never within the call.
#pragma once

#include "base/result.hpp"
#include "stream/event.hpp"

#include <functional>
#include <vector>

namespace indaba::stream {

class HeadSource {
 public:
  using OnHeads = std::move_only_function<void(Result<std::vector<StreamHead>>)>;
  virtual ~HeadSource() = default;
  // Streams that are not there are `gone`.
  virtual void read_heads(std::vector<std::int64_t> streams, OnHeads on_heads) = 0;
};

}  // namespace indaba::stream
