// How the same bytes go to many sockets: the one thing in which the three limits differ.
//
// A flusher is used on the server's only thread. It tells how much each socket took; what a socket
// did not take is the server's to keep. An error is told as a negative errno, -EAGAIN where the
// socket was full.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace limit {

class Flusher {
 public:
  struct Partly {
    int fd;
    long took;  // bytes, or a negative errno
  };

  Flusher() = default;
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;
  virtual ~Flusher() = default;

  // Offers `bytes` to each socket once, and adds to `partly` each that did not take all.
  virtual void flush(std::span<const int> sockets, std::string_view bytes,
                     std::vector<Partly>& partly) = 0;
};

// One send(2) a socket.
std::unique_ptr<Flusher> make_send_flusher();

// One io_uring send a socket, submitted and awaited in batches. Null where the kernel has no
// io_uring or forbids it.
std::unique_ptr<Flusher> make_uring_flusher();

}  // namespace limit
