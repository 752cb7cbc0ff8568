#include "net/send_ring.hpp"

#include "base/check.hpp"

#include <cerrno>
#include <liburing.h>
#include <span>
#include <sys/socket.h>

namespace indaba::net {

namespace {

constexpr unsigned kEntries = 256;

// One thread submits, and completions are looked at only when it asks; an older kernel knows
// neither, and does without.
bool set_up(io_uring& ring) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  if (io_uring_queue_init_params(kEntries, &ring, &params) == 0) return true;
  params = {};
  return io_uring_queue_init_params(kEntries, &ring, &params) == 0;
}

}  // namespace

std::unique_ptr<SendRing> SendRing::make() {
  auto ring = std::make_unique<io_uring>();
  if (!set_up(*ring)) return nullptr;
  return std::unique_ptr<SendRing>(new SendRing(std::move(ring)));
}

SendRing::SendRing(std::unique_ptr<io_uring> ring) : ring_(std::move(ring)) {
  entries_.reserve(kEntries);
}

SendRing::~SendRing() {
  io_uring_queue_exit(ring_.get());
}

std::uint32_t SendRing::add(int fd, const Frame& frame, Sender& sender) {
  if (entries_.size() == kEntries) submit();
  if (frames_.empty() || frames_.back().bytes().data() != frame.bytes().data())
    frames_.push_back(frame);
  io_uring_sqe* entry = io_uring_get_sqe(ring_.get());
  check(entry != nullptr, "the ring has a place for every entry");
  const auto bytes = frame.bytes();
  io_uring_prep_send(entry, fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  io_uring_sqe_set_data64(entry, entries_.size());
  entries_.push_back({&sender, static_cast<std::uint32_t>(frames_.size() - 1)});
  return turn_;
}

void SendRing::submit() {
  if (entries_.empty()) return;
  const auto count = static_cast<unsigned>(entries_.size());
  // Sends that may not wait are done when this returns.
  for (unsigned done = 0; done < count;) {
    const int submitted = io_uring_submit_and_wait(ring_.get(), 1);
    check(submitted >= 0 || submitted == -EINTR || submitted == -EAGAIN || submitted == -EBUSY,
          "a ring that worked goes on working");
    unsigned head = 0;
    unsigned seen = 0;
    io_uring_cqe* completion = nullptr;
    io_uring_for_each_cqe(ring_.get(), head, completion) {
      ++seen;
      const auto& entry = entries_[io_uring_cqe_get_data64(completion)];
      const auto& frame = frames_[entry.frame];
      if (completion->res == static_cast<int>(frame.size())) continue;
      entry.sender->on_unsent(
          frame, completion->res > 0 ? static_cast<std::size_t>(completion->res) : std::size_t{0});
    }
    io_uring_cq_advance(ring_.get(), seen);
    done += seen;
  }
  entries_.clear();
  frames_.clear();
  if (++turn_ == 0) turn_ = 1;
}

}  // namespace indaba::net
