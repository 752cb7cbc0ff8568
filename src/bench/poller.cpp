#include "bench/poller.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <sys/epoll.h>
#include <system_error>
#include <unistd.h>

namespace indaba::bench {

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Poller::~Poller() {
  ::close(epoll_);
}

bool Poller::add(int fd, std::uint32_t events, Pollable& who) {
  epoll_event event{events, {.ptr = &who}};
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::wait(std::chrono::nanoseconds longest, const std::function<void()>& between) {
  std::array<epoll_event, 256> events;
  const auto ns = std::max<std::int64_t>(longest.count(), 0);
  const timespec time_out{ns / 1'000'000'000, ns % 1'000'000'000};
  int count =
      ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &time_out, nullptr);
  if (count < 0 && errno == ENOSYS)  // before Linux 5.11
    count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                         static_cast<int>(ns / 1'000'000));
  if (count <= 0) return;
  constexpr unsigned kOften = 16;
  unsigned handled = 0;
  for (const auto& event : std::span(events).first(static_cast<std::size_t>(count))) {
    static_cast<Pollable*>(event.data.ptr)->on_ready(event.events);
    if (++handled % kOften == 0) between();
  }
}

}  // namespace indaba::bench
