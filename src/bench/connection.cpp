#include "bench/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace indaba::bench {

namespace {

constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

std::string_view name_of_errno(int code) {
  const auto* name = ::strerrorname_np(code);
  return name == nullptr ? "unknown_errno" : name;
}

const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

// A non-blocking socket that is connecting, or -1 with errno. The port is chosen at connect(),
// where the kernel knows the destination too: a source address then has all its ports for each
// destination.
int connect_to(const Endpoint& endpoint, std::size_t source) {
  const int fd =
      ::socket(endpoint.address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (const int bytes = endpoint.receive_buffer; bytes > 0)
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  bool ok = true;
  if (endpoint.sources > 1 && endpoint.address.is_loopback_v4()) {
    const auto from = loopback_source(source % endpoint.sources);
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    ok = ::bind(fd, generic(from), from.size) == 0;
  }
  ok = ok && (::connect(fd, generic(endpoint.address), endpoint.address.size) == 0 ||
              errno == EINPROGRESS);
  if (ok) return fd;
  const int code = errno;
  ::close(fd);
  errno = code;
  return -1;
}

}  // namespace

void Connection::open(std::string_view target, std::size_t source) {
  fd_ = connect_to(wire_.endpoint, source);
  if (fd_ < 0) return handler_.on_closed(name_of_errno(errno));
  state_ = State::connecting;
  held_ = chunked_ = deflate_ = false;
  chunks_ = {};
  in_.clear();
  out_ = wire_.endpoint.opening(target);
  fragments_.reset();
  if (!wire_.poller.add(fd_, kEvents, *this)) fail(name_of_errno(errno));
}

void Connection::queue(std::string_view message) {
  if (state_ != State::open) return;
  if (wire_.endpoint.protocol == Protocol::http_post) {
    wire_.endpoint.append_post(out_, message);
  } else {
    append_frame(out_, kText, message, static_cast<std::uint32_t>(wire_.random.next()));
  }
}

void Connection::flush() {
  if (fd_ < 0 || state_ == State::connecting) return;
  if (!out_.empty()) {
    const auto sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    // A connection that the other side has ended says so when it is read: what came before the end
    // is still there.
    if (sent < 0 && errno != EAGAIN) out_.clear();
    if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
  }
  if (out_.empty() && out_.capacity() > 4096) std::string().swap(out_);
}

void Connection::drop() {
  if (fd_ < 0) return;
  const linger reset{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(fd_);  // and with it out of the epoll set
  fd_ = -1;
  state_ = State::closed;
}

void Connection::fail(std::string_view why) {
  if (fd_ < 0) return;
  drop();
  handler_.on_closed(why);
}

void Connection::on_connected() {
  int code = 0;
  socklen_t size = sizeof code;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &code, &size);
  if (code != 0) return fail(name_of_errno(code));
  state_ = State::handshake;
  flush();
  if (wire_.endpoint.protocol != Protocol::http_post || fd_ < 0) return;
  state_ = State::open;
  handler_.on_open();
  handler_.on_batch_end();
}

void Connection::on_ready(std::uint32_t events) {
  if (fd_ < 0) return;
  if (state_ == State::connecting) {
    on_connected();
  } else if ((events & EPOLLOUT) != 0 && !out_.empty()) {
    flush();
  }
  // A read that did not fill the buffer has emptied the socket: what comes later is a new edge.
  // Only an end that is there already would not say so again.
  const bool ending = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (held_ || (!ending && (events & EPOLLIN) == 0)) return;
  while (fd_ >= 0) {
    const auto got = read_once();
    if (got == 0 || (got < ReadBuffer::kReadBytes && !ending)) break;
  }
}

void Connection::release() {
  // What came while it was held, its end too, will not be told again.
  if (std::exchange(held_, false)) on_ready(EPOLLIN | EPOLLRDHUP);
}

std::size_t Connection::read_once(std::size_t most) {
  const auto kept = in_.size();
  auto* bytes = wire_.buffer.with_room_for(kept);
  most = std::min(most, ReadBuffer::kReadBytes);
  auto got = ::recv(fd_, bytes + kept, most, 0);
  while (got < 0 && errno == EINTR) got = ::recv(fd_, bytes + kept, most, 0);
  if (got <= 0) {
    if (got == 0 || errno != EAGAIN) fail(got == 0 ? "ended" : name_of_errno(errno));
    return 0;
  }
  if (kept > 0) {
    std::memcpy(bytes, in_.data(), kept);
    in_.clear();
  }
  const auto left = take({bytes, kept + static_cast<std::size_t>(got)}, kept, now_ns());
  if (fd_ < 0) return 0;
  if (left.size() > ReadBuffer::kMostKept) {
    fail("too_large");
    return 0;
  }
  if (!left.empty()) {
    in_.assign(left);
  } else if (kept > 0) {
    std::string().swap(in_);
  }
  handler_.on_batch_end();
  return static_cast<std::size_t>(got);
}

}  // namespace indaba::bench
