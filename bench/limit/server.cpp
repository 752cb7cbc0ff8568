#include "server.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.hpp"

namespace limit {

namespace {

constexpr std::size_t kInputBytes = 256 * 1024;
constexpr std::size_t kBacklogBytes = 64 * 1024 * 1024;
constexpr std::size_t kHeadBytes = 16 * 1024;

}  // namespace

Server::Server(std::unique_ptr<Flusher> flusher, Joining joining)
    : flusher_(std::move(flusher)),
      joining_(joining),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      input_(kInputBytes) {}

Server::~Server() {
  for (std::size_t fd = 0; fd < connections_.size(); ++fd) {
    if (connections_[fd].role != Role::kNone) ::close(static_cast<int>(fd));
  }
  if (listener_ >= 0) ::close(listener_);
  if (epoll_ >= 0) ::close(epoll_);
}

std::uint16_t Server::listen(std::uint16_t port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it.
  ::setsockopt(listener_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, name, size) != 0 || ::listen(listener_, 4096) != 0 ||
      ::getsockname(listener_, name, &size) != 0)
    return 0;
  watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  return ntohs(address.sin_port);
}

void Server::run(int stop_fd) {
  watch(stop_fd, EPOLLIN, EPOLL_CTL_ADD);
  std::array<epoll_event, 1024> events{};
  while (true) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) return;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events.at(static_cast<std::size_t>(i));
      if (event.data.fd == stop_fd) return;
      if (event.data.fd == listener_) {
        accept_all();
        continue;
      }
      if ((event.events & EPOLLOUT) != 0) write_backlog(event.data.fd);
      if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(event.data.fd);
    }
    flush();
  }
}

void Server::accept_all() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (connections_.size() <= static_cast<std::size_t>(fd))
      connections_.resize(static_cast<std::size_t>(fd) + 1);
    connections_[static_cast<std::size_t>(fd)] = {Role::kHandshake, false, 0, nullptr};
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }
}

void Server::read(int fd) {
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  if (connection.role == Role::kNone) return;  // closed earlier in this tick
  std::size_t held = 0;
  if (connection.buffers && !connection.buffers->in.empty()) {
    held = connection.buffers->in.copy(input_.data(), input_.size() / 2);
    connection.buffers->in.clear();
  }
  const ssize_t got = ::recv(fd, input_.data() + held, input_.size() - held, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return close(fd);
  const std::size_t size = held + static_cast<std::size_t>(got < 0 ? 0 : got);
  const std::size_t taken = take(fd, input_.data(), size);
  if (connection.role == Role::kNone || taken == size) return;
  if (size - taken > input_.size() / 2) return close(fd);  // a frame that no benchmark sends
  buffers(fd).in.assign(input_.data() + taken, size - taken);
}

std::size_t Server::take(int fd, char* data, std::size_t size) {
  std::size_t at = 0;
  if (connections_[static_cast<std::size_t>(fd)].role == Role::kHandshake)
    at = shake_hands(fd, {data, size});
  while (connections_[static_cast<std::size_t>(fd)].role > Role::kHandshake) {
    const auto frame = take_frame(data + at, size - at);
    if (!frame) break;
    at += frame->bytes;
    on_frame(fd, frame->payload, static_cast<std::uint8_t>(frame->opcode));
  }
  return at;
}

std::size_t Server::shake_hands(int fd, std::string_view text) {
  const auto asked = parse_handshake(text);
  if (!asked) {
    if (text.size() > kHeadBytes) close(fd);
    return 0;
  }
  if (asked->key.empty()) {
    close(fd);
    return 0;
  }
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  send(fd, handshake_answer(asked->key));
  if (asked->path == "/pub") {
    connection.role = Role::kPublisher;
  } else if (asked->path == "/echo") {
    connection.role = Role::kEcho;
  } else {
    add_reader(fd, false);
  }
  return asked->bytes;
}

void Server::on_frame(int fd, std::string_view payload, std::uint8_t opcode) {
  const auto kind = static_cast<Opcode>(opcode);
  const Role role = connections_[static_cast<std::size_t>(fd)].role;
  if (kind == Opcode::kClose) {
    close(fd);
  } else if (kind == Opcode::kPing || (kind == Opcode::kText && role == Role::kEcho)) {
    std::string answer;
    append_frame(answer, kind == Opcode::kPing ? Opcode::kPong : Opcode::kText, payload);
    send(fd, answer);
  } else if (kind == Opcode::kText && role == Role::kPublisher) {
    publish(payload);
  }
}

void Server::publish(std::string_view payload) {
  append_frame(joined_, Opcode::kText, payload);
  if (joining_ == Joining::kEvent) flush();
}

void Server::flush() {
  if (joined_.empty()) return;
  for (std::size_t i = behind_.size(); i > 0; --i) keep(behind_[i - 1], joined_);
  partly_.clear();
  flusher_->flush(readers_, joined_, partly_);
  for (const auto& [fd, took] : partly_) {
    if (took < 0 && took != -EAGAIN) {
      close(fd);
      continue;
    }
    remove_reader(fd);
    add_reader(fd, true);
    keep(fd, std::string_view(joined_).substr(took < 0 ? 0 : static_cast<std::size_t>(took)));
  }
  joined_.clear();
}

// For answers to one connection.
void Server::send(int fd, std::string_view bytes) {
  const Connection& connection = connections_[static_cast<std::size_t>(fd)];
  if (connection.buffers && !connection.buffers->out.empty()) return keep(fd, bytes);
  const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return;  // reading will tell
  const std::size_t took = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  if (took < bytes.size()) keep(fd, bytes.substr(took));
}

void Server::keep(int fd, std::string_view rest) {
  std::string& out = buffers(fd).out;
  if (out.empty()) watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  out += rest;
  if (out.size() > kBacklogBytes) close(fd);
}

void Server::write_backlog(int fd) {
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  if (connection.role == Role::kNone || !connection.buffers) return;
  std::string& out = connection.buffers->out;
  const ssize_t sent = ::send(fd, out.data(), out.size(), MSG_NOSIGNAL);
  if (sent < 0) return;
  out.erase(0, static_cast<std::size_t>(sent));
  if (!out.empty()) return;
  watch(fd, EPOLLIN, EPOLL_CTL_MOD);
  if (connection.buffers->in.empty()) connection.buffers.reset();
  if (connection.role == Role::kReader && connection.behind) {
    remove_reader(fd);
    add_reader(fd, false);
  }
}

void Server::add_reader(int fd, bool behind) {
  std::vector<int>& list = behind ? behind_ : readers_;
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  connection.role = Role::kReader;
  connection.behind = behind;
  connection.place = static_cast<std::uint32_t>(list.size());
  list.push_back(fd);
}

void Server::remove_reader(int fd) {
  const Connection& connection = connections_[static_cast<std::size_t>(fd)];
  std::vector<int>& list = connection.behind ? behind_ : readers_;
  const int last = list.back();
  list[connection.place] = last;
  connections_[static_cast<std::size_t>(last)].place = connection.place;
  list.pop_back();
}

void Server::close(int fd) {
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  if (connection.role == Role::kNone) return;
  if (connection.role == Role::kReader) remove_reader(fd);
  connection.role = Role::kNone;
  connection.buffers.reset();
  ::close(fd);
}

void Server::watch(int fd, std::uint32_t events, int operation) const {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(epoll_, operation, fd, &event);
}

Server::Buffers& Server::buffers(int fd) {
  auto& buffers = connections_[static_cast<std::size_t>(fd)].buffers;
  if (!buffers) buffers = std::make_unique<Buffers>();
  return *buffers;
}

}  // namespace limit
