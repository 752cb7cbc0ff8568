// Outbox: what waits to be written to one connection, in order.
//
// Lives on its connection's loop. Frames are shared, so a full outbox costs a pointer a frame; it
// gives its memory back whenever it runs empty, because nearly every connection is idle nearly
// always.
#pragma once

#include "net/frame.hpp"

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <span>
#include <sys/uio.h>

namespace indaba::net {

class Outbox {
 public:
  void push(Frame frame);
  // For a frame of which `sent` bytes have left by another way, before all that waits. No frame may
  // be partly out yet.
  void push_front(Frame frame, std::size_t sent);
  [[nodiscard]] bool empty() const noexcept { return first_ == frames_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  // Fills `out` with what waits, oldest first; returns how many entries. Valid until the next
  // push() or consume().
  [[nodiscard]] std::size_t gather(std::span<iovec> out) const noexcept;
  // `count` bytes from the front have been written.
  void consume(std::size_t count);
  void clear() noexcept;
  // Drops all but what is on its way: a frame of which a part is written already, since what
  // follows must not land in the middle of it, and the frames that hold the next `taken` bytes,
  // which TLS has encrypted already.
  void drop_unstarted(std::size_t taken = 0);

 private:
  // What is live needs one place a tick, an answer beside it a second: those cost no allocation.
  boost::container::small_vector<Frame, 2> frames_;
  std::uint32_t first_ = 0;   // index of the oldest frame that is not wholly written
  std::uint32_t offset_ = 0;  // bytes of it that are
  std::size_t bytes_ = 0;
};

}  // namespace indaba::net
