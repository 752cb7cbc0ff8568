#include "net/connection.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace indaba::net {

namespace {

constexpr std::size_t kFramesAWrite = 64;
constexpr std::size_t kTlsRecord = 16 * 1024;
// After our FIN we wait this long for the peer's, so that what we sent last is not torn away by a
// reset.
constexpr Millis kLinger{2'000};

IoResult written(ssize_t sent) {
  if (sent >= 0) return {IoState::done, static_cast<std::size_t>(sent)};
  if (errno == EAGAIN || errno == EINTR) return {IoState::want_write, 0};
  return {IoState::closed, 0};
}

// Keeps a protocol alive until the end of the tick in which it was replaced.
class Retired final : public Pollable {
 public:
  explicit Retired(std::unique_ptr<Protocol> protocol) : protocol_(std::move(protocol)) {}
  void on_ready(std::uint32_t) override {}

 private:
  std::unique_ptr<Protocol> protocol_;
};

}  // namespace

Connection& Connection::adopt(Loop& loop, int fd, std::unique_ptr<TlsStream> tls,
                              std::string peer_address) {
  check(loop.on_this_thread(), "a connection is adopted on its own loop");
  auto* connection = new Connection(loop, fd, std::move(tls), std::move(peer_address));
  loop.own(std::unique_ptr<Pollable>(connection));
  connection->watched_ = EPOLLIN | EPOLLRDHUP;
  loop.watch(fd, connection->watched_, *connection);
  loop.connections.fetch_add(1, std::memory_order_relaxed);
  return *connection;
}

Connection::Connection(Loop& loop, int fd, std::unique_ptr<TlsStream> tls, std::string peer_address)
    : loop_(loop),
      fd_(fd),
      last_progress_(loop.now()),
      last_received_(loop.now()),
      tls_(std::move(tls)),
      peer_address_(std::move(peer_address)) {}

Connection::~Connection() = default;

void Connection::set_protocol(std::unique_ptr<Protocol> protocol) {
  if (protocol_) loop_.bury(std::make_unique<Retired>(std::move(protocol_)));
  protocol_ = std::move(protocol);
}

void Connection::send(Frame frame) {
  if (closing()) return;
  if (outbox_.empty()) last_progress_ = loop_.now();
  outbox_.push(std::move(frame));
  if (write_blocked_)
    tell_waiting(outbox_.bytes());
  else
    mark_dirty();
}

void Connection::send_now(const Frame& frame) {
  auto* ring = loop_.ring();
  if (!outbox_.empty() || write_blocked_ || closing() || tls_ ||
      (ring != nullptr && ring->holds(ring_turn_)))
    return send(frame);
  if (ring != nullptr) {
    ring_turn_ = ring->add(fd_, frame, *this);
    return;
  }
  const auto sent = ::send(fd_, frame.bytes().data(), frame.size(), MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(frame.size())) return;
  on_unsent(frame, sent > 0 ? static_cast<std::size_t>(sent) : 0);
}

void Connection::on_unsent(const Frame& frame, std::size_t sent) {
  if (fd_ < 0) return;
  last_progress_ = loop_.now();
  outbox_.push_front(frame, sent);
  // An error is found again, and dealt with, by the flush at the end of the tick.
  mark_dirty();
}

void Connection::mark_dirty() {
  if (dirty_) return;
  dirty_ = true;
  loop_.mark_dirty(*this);
}

void Connection::tell_waiting(std::size_t bytes) noexcept {
  // Modulo 2^64: what is taken away is added as its complement.
  loop_.waiting_bytes.add(bytes - std::size_t{told_waiting_});
  told_waiting_ = static_cast<std::uint32_t>(bytes);
}

void Connection::close_after_flush(Millis patience) {
  if (closing()) return;
  closing_ = true;
  loop_.arm(*this, patience);
  mark_dirty();
}

void Connection::abort() {
  if (fd_ < 0) return;
  // The number of a closed descriptor may be another connection's in a moment.
  if (auto* ring = loop_.ring(); ring != nullptr && ring->holds(ring_turn_)) ring->submit();
  loop_.unwatch(fd_);
  ::close(fd_);
  fd_ = -1;
  TimerWheel::disarm(*this);
  outbox_.clear();
  tell_waiting(0);
  loop_.connections.fetch_sub(1, std::memory_order_relaxed);
  if (protocol_) protocol_->on_closed();
  loop_.bury_owned(*this);
}

void Connection::pause_reading() {
  reading_ = false;
  watch_for_what_is_wanted();
}

void Connection::resume_reading() {
  reading_ = true;
  watch_for_what_is_wanted();
}

void Connection::arm_timer(Millis delay) {
  if (!closing()) loop_.arm(*this, delay);
}

void Connection::on_timer() {
  if (closing_)
    abort();
  else if (protocol_)
    protocol_->on_timer();
}

void Connection::watch_for_what_is_wanted() {
  if (fd_ < 0) return;
  // A paused connection still wants to know when its peer is gone.
  const std::uint32_t reads = peer_done_ ? 0U : (reading_ ? EPOLLIN : 0U) | EPOLLRDHUP;
  const std::uint32_t wanted = reads | (write_blocked_ ? EPOLLOUT : 0U);
  if (wanted == watched_) return;
  watched_ = wanted;
  loop_.rewatch(fd_, wanted, *this);
}

void Connection::on_ready(std::uint32_t events) {
  if (fd_ < 0) return;  // closed earlier in this tick
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return abort();
  if ((events & EPOLLOUT) != 0) {
    write_blocked_ = false;
    flush();
    if (fd_ < 0) return;
    tell_waiting(write_blocked_ ? outbox_.bytes() : 0);
    watch_for_what_is_wanted();
  }
  // A TLS read may be what waited for room to write.
  if ((events & EPOLLIN) != 0 || (tls_ && reading_ && (events & EPOLLOUT) != 0))
    read_available();
  else if ((events & EPOLLRDHUP) != 0 && !reading_)
    on_peer_done();
}

void Connection::on_peer_done() {
  if (!closing_ || shut_) return abort();
  // It sends no more, and may still be reading what it asked for: that is written first.
  peer_done_ = true;
  watch_for_what_is_wanted();
}

IoResult Connection::receive(std::span<char> into) {
  if (tls_) return tls_->read(into);
  const auto got = ::recv(fd_, into.data(), into.size(), 0);
  if (got > 0) return {IoState::done, static_cast<std::size_t>(got)};
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {IoState::want_read, 0};
  return {IoState::closed, 0};
}

void Connection::read_available() {
  // Level-triggered: one buffer a tick is fair to the others. What TLS has taken in already, epoll
  // cannot see: that is read on.
  do {
    const auto buffer = loop_.receive_buffer();
    const auto got = receive(buffer);
    if (got.state == IoState::closed) return on_peer_done();
    if (got.state == IoState::want_write) {
      write_blocked_ = true;
      return watch_for_what_is_wanted();
    }
    // A TLS handshake may just have ended: what waited for it can leave.
    if (tls_ && !outbox_.empty()) mark_dirty();
    if (got.state == IoState::want_read) return;
    last_received_ = loop_.now();
    if (closing_) continue;  // what still comes is not ours to read any more
    if (protocol_) protocol_->on_bytes(buffer.first(got.bytes));
  } while (tls_ && fd_ >= 0 && (reading_ || closing_) && tls_->holds_bytes());
}

IoResult Connection::write_tls(std::span<const char> bytes) {
  const auto wrote = tls_->write(bytes);
  tls_taken_ = wrote.state == IoState::done ? 0 : bytes.size();
  return wrote;
}

IoResult Connection::write_some() {
  std::array<iovec, kFramesAWrite> parts;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const auto count = outbox_.gather(parts);
  if (tls_) {
    // One record for what fits into one: small frames would otherwise pay a record each.
    if (count == 1 || parts[0].iov_len >= kTlsRecord)
      return write_tls({static_cast<const char*>(parts[0].iov_base), parts[0].iov_len});
    std::array<char, kTlsRecord> record;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    std::size_t used = 0;
    for (std::size_t i = 0; i < count && used < record.size(); ++i) {
      const auto take = std::min(parts[i].iov_len, record.size() - used);
      std::memcpy(record.data() + used, parts[i].iov_base, take);
      used += take;
    }
    return write_tls({record.data(), used});
  }
  if (count == 1) {  // as nearly always; the kernel takes one buffer faster than a list of one
    const auto sent = ::send(fd_, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
    return written(sent);
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  return written(::sendmsg(fd_, &message, MSG_NOSIGNAL));
}

void Connection::flush() {
  dirty_ = false;
  if (fd_ < 0 || write_blocked_) return;
  const bool had_something = !outbox_.empty();
  while (!outbox_.empty()) {
    const auto wrote = write_some();
    if (wrote.state == IoState::closed) return abort();
    if (wrote.state == IoState::want_read)
      return;  // a TLS handshake under way: the next read goes on
    if (wrote.state == IoState::want_write) {
      write_blocked_ = true;
      tell_waiting(outbox_.bytes());
      return watch_for_what_is_wanted();
    }
    outbox_.consume(wrote.bytes);
    last_progress_ = loop_.now();
  }
  if (closing_) return shut_down();
  if (!had_something || !tell_drained_ || !protocol_) return;
  tell_drained_ = !drained_once_;
  protocol_->on_drained();
}

void Connection::shut_down() {
  if (shut_) return;
  shut_ = true;
  if (tls_) tls_->say_goodbye();
  ::shutdown(fd_, SHUT_WR);
  reading_ = true;  // until the peer's FIN: closing with unread bytes would reset what we sent last
  peer_done_ = false;
  watch_for_what_is_wanted();
  loop_.arm(*this, kLinger);
}

}  // namespace indaba::net
