#include "net/loop.hpp"

#include "base/check.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace indaba::net {

namespace {

constexpr std::size_t kReceiveBuffer = 64 * 1024;
constexpr int kEventsATick = 256;

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

// run_after(): a timer that owns its work. The loop owns it until it fires, so that what never
// fires is freed too.
class Loop::OneShot final : public Timer {
 public:
  OneShot(Loop& loop, Work work) : loop_(loop), work_(std::move(work)) {}
  std::list<OneShot>::iterator self;

 private:
  void on_timer() override {
    const auto work = std::make_unique<Work>(std::move(work_));
    loop_.one_shots_.erase(self);  // destroys *this
    (*work)();
  }

  Loop& loop_;
  Work work_;
};

Loop::Loop(int index, const Clock& clock, Sending sending)
    : index_(index),
      sending_(sending),
      clock_(clock),
      now_(clock.mono()),
      wheel_(now_),
      receive_buffer_(kReceiveBuffer) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) throw_errno("epoll_create1");
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_ < 0) throw_errno("eventfd");
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) < 0) throw_errno("epoll_ctl");
}

Loop::~Loop() {
  ::close(wake_);
  ::close(epoll_);
}

void Loop::run() {
  set_current(this);
  // Here, because a ring belongs to the thread that made it.
  if (sending_ == Sending::ring) ring_ = SendRing::make();
  has_ring_ = ring_ != nullptr;
  // OpenSSL writes with write(2): a peer that is gone must be an error there, and not a signal that
  // ends the process.
  sigset_t broken_pipe;
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  while (!stopping_.load(std::memory_order_acquire)) tick();
  run_posted();
  run_tick_end();
  flush_dirty();
  while (owned_ != nullptr) {
    Pollable& last = *owned_;
    last.on_loop_end();
    if (owned_ == &last) bury_owned(last);
  }
  graveyard_.clear();
  run_posted();
  set_current(nullptr);
}

Pollable& Loop::own(std::unique_ptr<Pollable> pollable) {
  Pollable* owned = pollable.release();
  owned->owned_next_ = owned_;
  if (owned_ != nullptr) owned_->owned_prev_ = owned;
  owned_ = owned;
  return *owned;
}

void Loop::bury_owned(Pollable& pollable) {
  if (pollable.owned_prev_ != nullptr)
    pollable.owned_prev_->owned_next_ = pollable.owned_next_;
  else
    owned_ = pollable.owned_next_;
  if (pollable.owned_next_ != nullptr) pollable.owned_next_->owned_prev_ = pollable.owned_prev_;
  graveyard_.push_back(std::unique_ptr<Pollable>(&pollable));
}

void Loop::stop() {
  stopping_.store(true, std::memory_order_release);
  post([] {});
}

void Loop::post(Work work) {
  {
    const std::scoped_lock lock(mutex_);
    posted_.push_back(std::move(work));
  }
  // Pairs with sleep_millis(): either the loop sees the work before it sleeps, or we see that it
  // sleeps.
  if (sleeping_.exchange(false)) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  }
}

void Loop::run_after(Millis delay, Work work) {
  const auto shot = one_shots_.emplace(one_shots_.end(), *this, std::move(work));
  shot->self = shot;
  arm(*shot, delay);
}

void Loop::watch(int fd, std::uint32_t epoll_events, Pollable& pollable) const {
  epoll_event event{.events = epoll_events, .data = {.ptr = &pollable}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) < 0) throw_errno("epoll_ctl ADD");
}

void Loop::rewatch(int fd, std::uint32_t epoll_events, Pollable& pollable) const {
  epoll_event event{.events = epoll_events, .data = {.ptr = &pollable}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) < 0) throw_errno("epoll_ctl MOD");
}

void Loop::unwatch(int fd) const {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

int Loop::sleep_millis() {
  sleeping_.store(true);
  {
    const std::scoped_lock lock(mutex_);
    if (!posted_.empty()) {
      sleeping_.store(false);
      return 0;
    }
  }
  const auto next = wheel_.until_next(clock_.mono());
  return next ? static_cast<int>(next->count()) : -1;
}

void Loop::tick() {
  std::array<epoll_event, kEventsATick> events;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const int timeout = sleep_millis();
  const int count = ::epoll_wait(epoll_, events.data(), kEventsATick, timeout);
  sleeping_.store(false);
  now_ = clock_.mono();
  const auto started = now_;
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const auto read = ::read(wake_, &ignored, sizeof ignored);
      continue;
    }
    static_cast<Pollable*>(event.data.ptr)->on_ready(event.events);
  }
  run_posted();
  wheel_.advance(now_);
  run_tick_end();
  flush_dirty();
  graveyard_.clear();
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.mono() - started).count();
  // Decays, so that a scrape sees a stall of the last seconds and forgets an old one.
  const auto before = lag_us.load(std::memory_order_relaxed);
  lag_us.store(std::max<std::int64_t>(took, before - before / 64), std::memory_order_relaxed);
}

void Loop::run_posted() {
  {
    const std::scoped_lock lock(mutex_);
    running_.swap(posted_);
  }
  for (auto& work : running_) work();
  running_.clear();
}

void Loop::run_tick_end() {
  while (!tick_end_.empty()) {
    ending_.swap(tick_end_);
    for (auto& work : ending_) work();
    ending_.clear();
  }
  if (ring_) ring_->submit();
}

void Loop::flush_dirty() {
  // A flush may close a connection, and its protocol may then write to another one: go on until
  // nobody is dirty.
  while (!dirty_.empty()) {
    flushing_.swap(dirty_);
    for (auto* pollable : flushing_) pollable->on_tick_end();
    flushing_.clear();
    run_tick_end();
  }
}

}  // namespace indaba::net
