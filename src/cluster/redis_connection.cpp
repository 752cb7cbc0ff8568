#include "cluster/redis_connection.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>

namespace indaba::cluster {

namespace {

// What may gather before a reply is complete: far above our own largest message.
constexpr std::size_t kMaxReply = std::size_t{64} << 20U;
constexpr std::size_t kReadsAReady = 16;
constexpr std::size_t kKeepCapacity = 256 * 1024;

std::string reason(int error) {
  return std::generic_category().message(error);
}

struct FreeReply {
  void operator()(void* reply) const noexcept { freeReplyObject(reply); }
};

}  // namespace

RedisConnection::~RedisConnection() {
  close();
}

Result<void> RedisConnection::open(const RedisAddress& address) {
  context_.reset(address.path.empty() ? redisConnectNonBlock(address.host.c_str(), address.port)
                                      : redisConnectUnixNonBlock(address.path.c_str()));
  if (!context_) return Error::internal("no memory for a connection to Redis");
  if (context_->err != 0) return Error::internal(context_->errstr);
  closed_ = false;
  wants_write_ = true;
  loop_.watch(context_->fd, EPOLLOUT, *this);
  return {};
}

void RedisConnection::close() {
  if (closed_) return;
  closed_ = true;
  loop_.unwatch(context_->fd);
  ::shutdown(context_->fd, SHUT_RDWR);  // now; the descriptor goes with the context
}

void RedisConnection::fail(const std::string& why) {
  if (closed_) return;
  close();
  owner_.on_broken(why);
}

void RedisConnection::command(std::span<const std::string_view> words) {
  if (closed_) return;
  fmt::format_to(std::back_inserter(out_), "*{}\r\n", words.size());
  for (const auto word : words) {
    fmt::format_to(std::back_inserter(out_), "${}\r\n", word.size());
    out_.append(word).append("\r\n");
  }
  mark_dirty();
}

void RedisConnection::mark_dirty() {
  if (dirty_ || !connected_) return;
  dirty_ = true;
  loop_.mark_dirty(*this);
}

void RedisConnection::on_ready(std::uint32_t events) {
  if (closed_) return;  // in this very tick
  if (!connected_) finish_connecting();
  if (!closed_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
  if (!closed_ && (events & EPOLLOUT) != 0) mark_dirty();
}

void RedisConnection::finish_connecting() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return fail(reason(error));
  connected_ = true;
  want_write(false);
  owner_.on_connected();
}

void RedisConnection::read() {
  const auto buffer = loop_.receive_buffer();
  for (std::size_t i = 0; i < kReadsAReady; ++i) {
    const auto count = ::recv(context_->fd, buffer.data(), buffer.size(), 0);
    if (count == 0) return fail("Redis closed the connection");
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return fail(reason(errno));
    }
    const auto size = static_cast<std::size_t>(count);
    redisReaderFeed(context_->reader, buffer.data(), size);
    for (;;) {
      void* raw = nullptr;
      if (redisReaderGetReply(context_->reader, &raw) != REDIS_OK)
        return fail(fmt::format("not Redis' protocol: {}", context_->reader->errstr));
      if (raw == nullptr) break;
      const std::unique_ptr<void, FreeReply> reply(raw);
      owner_.on_answer(RedisReply(static_cast<const redisReply*>(raw)));
      if (closed_) return;
    }
    if (context_->reader->len > kMaxReply) return fail("an answer that is too large");
    if (size < buffer.size()) return;
  }
}

void RedisConnection::flush() {
  dirty_ = false;
  if (closed_) return;
  while (unsent() > 0) {
    const auto count = ::send(context_->fd, out_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      if (sent_ > kKeepCapacity && sent_ > out_.size() / 2) {
        out_.erase(0, sent_);
        sent_ = 0;
      }
      return want_write(true);
    }
    return fail(reason(errno));
  }
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > kKeepCapacity) out_.shrink_to_fit();
  want_write(false);
}

void RedisConnection::want_write(bool want) {
  if (wants_write_ == want) return;
  wants_write_ = want;
  loop_.rewatch(context_->fd, want ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
}

}  // namespace indaba::cluster
