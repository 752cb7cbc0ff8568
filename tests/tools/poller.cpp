#include "poller.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>

namespace indaba::loadtool {

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::runtime_error("epoll_create1 failed");
}

Poller::~Poller() {
  close(epoll_);
}

void Poller::add(int fd, std::uint32_t events, Pollable& who) {
  epoll_event event{events, {.ptr = &who}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::runtime_error("epoll_ctl failed");
}

void Poller::change(int fd, std::uint32_t events, Pollable& who) {
  epoll_event event{events, {.ptr = &who}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::wait(std::chrono::milliseconds longest) {
  std::array<epoll_event, 512> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                               static_cast<int>(longest.count()));
  if (count <= 0) return;
  for (const auto& event : std::span(events).first(static_cast<std::size_t>(count)))
    static_cast<Pollable*>(event.data.ptr)->on_ready(event.events);
}

int connect_to(const char* host, std::uint16_t port, int receive_buffer) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (receive_buffer > 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host, &address.sin_addr);
  sockaddr generic{};
  std::memcpy(&generic, &address, sizeof generic);
  if (connect(fd, &generic, sizeof address) != 0 && errno != EINPROGRESS) {
    close(fd);
    return -1;
  }
  return fd;
}

}  // namespace indaba::loadtool
