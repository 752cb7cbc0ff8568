// Store: the log as a reader sees it. The seam between the engine and the database; simulation has
// its own.
//
// Calls come from a loop, and the answer comes back on that loop (Executor::current() at the time
// of the call).
#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "stream/event.hpp"

#include <cstddef>
#include <functional>

namespace indaba::stream {

struct PageLimit {
  std::size_t events = 500;
  std::size_t bytes = 256 * 1024;  // of bodies; at least one event is always returned
};

class Store {
 public:
  using OnPage = std::move_only_function<void(Result<Page>)>;
  virtual ~Store() = default;

  // The state alone costs `limit.events == 0`. Events after `after`; where `after` + 1 < oldest,
  // from `oldest` on. A stream that does not exist (any more) is ErrorKind::not_found.
  virtual void read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) = 0;
  // The newest `limit.events` events, in order.
  virtual void read_newest(StreamId stream, PageLimit limit, OnPage on_page) = 0;
};

}  // namespace indaba::stream
