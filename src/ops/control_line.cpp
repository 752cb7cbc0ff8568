#include "ops/control_line.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <poll.h>
#include <sys/socket.h>

namespace indaba::ops {

namespace {

constexpr std::size_t kMaxLine = 256 * 1024;

using Deadline = std::chrono::steady_clock::time_point;

// False at the deadline.
bool wait_for(int fd, short events, Deadline deadline) {
  while (true) {
    const auto left =
        std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{fd, events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace

std::optional<std::string> read_line(int fd, Millis patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string line;
  std::array<char, 4096> buffer{};
  while (line.size() < kMaxLine && wait_for(fd, POLLIN, deadline)) {
    const auto got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return std::nullopt;
    line.append(buffer.data(), static_cast<std::size_t>(got));
    if (const auto end = line.find('\n'); end != std::string::npos) {
      line.resize(end);
      return line;
    }
  }
  return std::nullopt;
}

bool write_line(int fd, std::string line, Millis patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  line += '\n';
  std::string_view rest(line);
  while (!rest.empty()) {
    if (!wait_for(fd, POLLOUT, deadline)) return false;
    const auto sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent < 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace indaba::ops
