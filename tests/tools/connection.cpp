#include "connection.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

namespace indaba::loadtool {

namespace {

constexpr int kText = 1;
constexpr int kClose = 8;
constexpr int kPing = 9;
constexpr int kPong = 10;
constexpr std::size_t kReadSize = 256 * 1024;

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

}  // namespace

void Connection::open(const std::string& path, int receive_buffer) {
  fd_ = connect_to(target_.host.c_str(), target_.port, receive_buffer);
  if (fd_ < 0) throw std::runtime_error(fmt::format("cannot connect: errno {}", errno));
  upgraded_ = false;
  close_code_ = 0;
  in_.clear();
  in_from_ = 0;
  allowance_ = 0;
  paced_at_ = SteadyClock::now();
  out_ = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Authorization: Bearer {}\r\n\r\n",
      path, target_.host, target_.port, target_.token);
  writing_ = true;
  poller_.add(fd_, EPOLLIN | EPOLLOUT, *this);
  watched_ = true;
}

void Connection::send_text(std::string_view text) {
  write_frame(kText, text);
}

void Connection::drop() {
  if (fd_ < 0) return;
  if (watched_) poller_.remove(fd_);
  watched_ = false;
  const linger reset{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(fd_);
  fd_ = -1;
  upgraded_ = false;
}

void Connection::read_at(std::int64_t bytes_per_second) {
  rate_ = bytes_per_second;
  paced_at_ = SteadyClock::now();
  if (fd_ >= 0) watch();
}

void Connection::pace(SteadyClock::time_point now) {
  if (fd_ < 0 || !upgraded_ || rate_ <= 0) return;
  allowance_ += static_cast<double>(rate_) * std::chrono::duration<double>(now - paced_at_).count();
  allowance_ = std::min(allowance_, static_cast<double>(rate_));
  paced_at_ = now;
  if (allowance_ < 1) return;
  const auto before = bytes_read_;
  read_some(static_cast<std::size_t>(allowance_));
  allowance_ -= static_cast<double>(bytes_read_ - before);
}

// Epoll reports a hang-up even of a descriptor that waits for nothing: one that does not read is
// then left alone until it does.
void Connection::watch() {
  const bool reading = !upgraded_ || rate_ == kFull;
  const std::uint32_t events = (reading ? EPOLLIN : 0U) | (writing_ ? EPOLLOUT : 0U);
  if (watched_)
    poller_.change(fd_, events, *this);
  else
    poller_.add(fd_, events, *this);
  watched_ = true;
}

void Connection::on_ready(std::uint32_t events) {
  if (fd_ < 0) return;
  if ((events & EPOLLOUT) != 0) flush();
  if (fd_ < 0) return;
  const bool reading = !upgraded_ || rate_ == kFull;
  if (reading && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    read_some(kReadSize);
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    poller_.remove(fd_);
    watched_ = false;
  }
}

bool Connection::read_some(std::size_t most) {
  static std::array<char, kReadSize> buffer;
  const auto got = recv(fd_, buffer.data(), std::min(most, buffer.size()), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) {
    finish(close_code_);
    return false;
  }
  bytes_read_ += static_cast<std::uint64_t>(got);
  in_.append(buffer.data(), static_cast<std::size_t>(got));
  if (!upgraded_ && !take_handshake()) return fd_ >= 0;
  take_frames();
  return fd_ >= 0;
}

bool Connection::take_handshake() {
  const auto end = in_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  if (!in_.starts_with("HTTP/1.1 101 ")) {
    finish(std::stoi(in_.substr(9, 3)));
    return false;
  }
  in_from_ = end + 4;
  upgraded_ = true;
  watch();
  return true;
}

void Connection::take_frames() {
  while (fd_ >= 0) {
    const auto left = std::string_view(in_).substr(in_from_);
    if (left.size() < 2) break;
    std::size_t head = 2;
    std::uint64_t size = byte_at(left, 1);
    const int length_bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (left.size() < head + static_cast<std::size_t>(length_bytes)) break;
    if (length_bytes > 0) size = 0;
    for (int i = 0; i < length_bytes; ++i) size = size << 8U | byte_at(left, head++);
    if (left.size() - head < size) break;
    if ((byte_at(left, 0) & 0xF0U) != 0x80U)
      throw std::runtime_error("a frame that no server should send");
    in_from_ += head + size;
    take_frame(static_cast<int>(byte_at(left, 0) & 0x0FU), left.substr(head, size));
  }
  if (in_from_ > kReadSize || in_from_ == in_.size()) {
    in_.erase(0, in_from_);
    in_from_ = 0;
  }
}

void Connection::take_frame(int opcode, std::string_view payload) {
  if (opcode == kText) return handler_.on_text(payload);
  if (opcode == kPing) return write_frame(kPong, payload);
  if (opcode != kClose) return;
  close_code_ =
      payload.size() < 2 ? 1005 : static_cast<int>(byte_at(payload, 0) << 8U | byte_at(payload, 1));
  write_frame(kClose, payload.substr(0, 2));
  if (fd_ >= 0) finish(close_code_);
}

// The mask is zero: the server must undo it all the same, and the client's time is for other
// things.
void Connection::write_frame(int opcode, std::string_view payload) {
  if (fd_ < 0) return;
  out_ += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    out_ += static_cast<char>(0x80U | payload.size());
  } else {
    out_ += static_cast<char>(0x80U | 126U);
    out_ += static_cast<char>(payload.size() >> 8U);
    out_ += static_cast<char>(payload.size() & 0xFFU);
  }
  out_.append(4, '\0');
  out_ += payload;
  if (upgraded_) flush();
}

void Connection::flush() {
  if (!out_.empty()) {
    const auto sent = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
      // What the server said before it closed may still be readable.
      out_.clear();
      if (rate_ != 0) read_some(kReadSize);
      return;
    }
    if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
  }
  const bool writing = !out_.empty();
  if (writing == writing_) return;
  writing_ = writing;
  watch();
}

void Connection::finish(int code) {
  if (fd_ < 0) return;
  if (watched_) poller_.remove(fd_);
  watched_ = false;
  close(fd_);
  fd_ = -1;
  upgraded_ = false;
  handler_.on_close(code);
}

}  // namespace indaba::loadtool
