// SendRing: hands one tick's frames to the kernel with one system call for hundreds of connections,
// by io_uring.
//
// Owned by a loop, made and used on its thread. Sends never wait: what the kernel does not take is
// told to the sender, which goes on with its queue. Between add() and submit() a sender must
// neither close its descriptor nor send by other means.
#pragma once

#include "net/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

struct io_uring;

namespace indaba::net {

class SendRing {
 public:
  class Sender {
   public:
    // `sent` bytes of the frame have left, which is not all of it.
    virtual void on_unsent(const Frame& frame, std::size_t sent) = 0;

   protected:
    ~Sender() = default;
  };

  // nullptr where the kernel has no io_uring, or forbids it.
  [[nodiscard]] static std::unique_ptr<SendRing> make();
  ~SendRing();
  SendRing(const SendRing&) = delete;
  SendRing& operator=(const SendRing&) = delete;

  // Queues one send. Returns the turn in which it leaves.
  std::uint32_t add(int fd, const Frame& frame, Sender& sender);
  // Whether what was added in that turn has not left yet.
  [[nodiscard]] bool holds(std::uint32_t turn) const noexcept {
    return turn == turn_ && !entries_.empty();
  }
  void submit();

 private:
  struct Entry {
    Sender* sender;
    std::uint32_t frame;
  };
  explicit SendRing(std::unique_ptr<io_uring> ring);

  std::unique_ptr<io_uring> ring_;
  std::vector<Entry> entries_;
  std::vector<Frame> frames_;  // kept until they have left; nearly always one
  std::uint32_t turn_ = 1;     // 0 is nobody's
};

}  // namespace indaba::net
