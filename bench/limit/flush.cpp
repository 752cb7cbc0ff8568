#include "flush.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <liburing.h>
#include <sys/socket.h>

namespace limit {

namespace {

class SendFlusher final : public Flusher {
 public:
  void flush(std::span<const int> sockets, std::string_view bytes,
             std::vector<Partly>& partly) override {
    for (const int fd : sockets) {
      const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent != static_cast<ssize_t>(bytes.size()))
        partly.push_back({fd, sent < 0 ? -errno : sent});
    }
  }
};

class UringFlusher final : public Flusher {
 public:
  UringFlusher() {
    io_uring_params params{};
    params.flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN;
    ready_ = io_uring_queue_init_params(kBatch, &ring_, &params) == 0;
  }
  ~UringFlusher() override {
    if (ready_) io_uring_queue_exit(&ring_);
  }
  UringFlusher(const UringFlusher&) = delete;
  UringFlusher& operator=(const UringFlusher&) = delete;

  [[nodiscard]] bool ready() const { return ready_; }

  void flush(std::span<const int> sockets, std::string_view bytes,
             std::vector<Partly>& partly) override {
    while (!sockets.empty()) {
      const std::size_t batch = std::min<std::size_t>(sockets.size(), kBatch);
      for (const int fd : sockets.first(batch)) {
        io_uring_sqe* entry = io_uring_get_sqe(&ring_);
        // Without waiting: a full socket is to answer at once, and not to hold up the batch.
        io_uring_prep_send(entry, fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        io_uring_sqe_set_data64(entry, static_cast<std::uint64_t>(fd));
      }
      io_uring_submit_and_wait(&ring_, static_cast<unsigned>(batch));
      collect(batch, bytes.size(), partly);
      sockets = sockets.subspan(batch);
    }
  }

 private:
  static constexpr unsigned kBatch = 1024;

  void collect(std::size_t expected, std::size_t bytes, std::vector<Partly>& partly) {
    while (expected > 0) {
      io_uring_cqe* first = nullptr;
      const int waited = io_uring_wait_cqe(&ring_, &first);
      if (waited == -EINTR) continue;
      if (waited < 0) return;
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_cqe* entry = nullptr;
      io_uring_for_each_cqe(&ring_, head, entry) {
        ++seen;
        if (entry->res != static_cast<int>(bytes))
          partly.push_back({static_cast<int>(entry->user_data), entry->res});
      }
      io_uring_cq_advance(&ring_, seen);
      expected -= std::min<std::size_t>(expected, seen);
    }
  }

  io_uring ring_{};
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<Flusher> make_send_flusher() {
  return std::make_unique<SendFlusher>();
}

std::unique_ptr<Flusher> make_uring_flusher() {
  auto flusher = std::make_unique<UringFlusher>();
  if (!flusher->ready()) return nullptr;
  return flusher;
}

}  // namespace limit
