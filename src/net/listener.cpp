#include "net/listener.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace indaba::net {

namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsATick = 256;
constexpr Millis kPauseWithoutDescriptors{100};

struct Addresses {
  addrinfo* list = nullptr;
  ~Addresses() {
    if (list != nullptr) ::freeaddrinfo(list);
  }
};

std::uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

// Bound and listening, or -1 with errno.
int try_listen(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, address.ai_addr, address.ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0)
    return fd;
  const int reason = errno;
  ::close(fd);
  errno = reason;
  return -1;
}

std::string next_free_port(const Endpoint& endpoint) {
  for (std::uint32_t port = endpoint.port + 1U; port < endpoint.port + 100U && port < 65536;
       ++port) {
    Addresses found;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    if (::getaddrinfo(endpoint.host.empty() ? nullptr : endpoint.host.c_str(),
                      std::to_string(port).c_str(), &hints, &found.list) != 0)
      return {};
    const int fd = try_listen(*found.list);
    if (fd < 0) continue;
    ::close(fd);
    return std::to_string(port);
  }
  return {};
}

std::string text_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
      ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    else
      ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(),
                text.size());
  }
  return text.data();
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto wrong = [&] {
    return Error(ErrorKind::invalid,
                 "'" + std::string(text) +
                     "' is no address to listen on: write HOST:PORT, such as 127.0.0.1:8080");
  };
  if (colon == std::string_view::npos) return wrong();
  auto host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return wrong();
  return Endpoint{std::string(host), port};
}

Result<ListeningSocket> ListeningSocket::open(const Endpoint& endpoint) {
  Addresses found;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const int failed = ::getaddrinfo(endpoint.host.empty() ? nullptr : endpoint.host.c_str(),
                                   std::to_string(endpoint.port).c_str(), &hints, &found.list);
  const std::string shown = endpoint.host + ":" + std::to_string(endpoint.port);
  if (failed != 0)
    return Error(ErrorKind::invalid, "cannot listen on " + shown + ": " + ::gai_strerror(failed));
  const int fd = try_listen(*found.list);
  if (fd >= 0) return ListeningSocket(fd, port_of(fd));
  const int reason = errno;
  if (reason == EADDRINUSE) {
    const auto next = next_free_port(endpoint);
    return Error(ErrorKind::unavailable, "port_taken",
                 "port " + std::to_string(endpoint.port) + " is taken by another program" +
                     (next.empty() ? std::string()
                                   : "; port " + next + " is free: use --listen " + endpoint.host +
                                         ":" + next));
  }
  if (reason == EACCES)
    return Error(ErrorKind::forbidden,
                 "listening on " + shown + " needs more rights; choose a port above 1023");
  return Error(ErrorKind::unavailable, "cannot listen on " + shown + ": " + std::strerror(reason));
}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Listener::Listener(Loop& loop, std::vector<Loop*> loops, ListeningSocket socket, Options options,
                   OnConnection on_connection, Logger& log)
    : loop_(loop),
      loops_(std::move(loops)),
      fd_(socket.release()),
      options_(options),
      on_connection_(std::move(on_connection)),
      log_(log) {
  for (std::size_t i = 0; i < loops_.size(); ++i)
    in_flight_.push_back(std::make_unique<std::atomic<int>>(0));
}

Listener::~Listener() {
  if (fd_ >= 0) ::close(fd_);
}

void Listener::start() {
  accepting_ = true;
  loop_.watch(fd_, EPOLLIN, *this);
}

void Listener::stop() {
  if (accepting_) loop_.unwatch(fd_);
  accepting_ = false;
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Listener::pause() {
  loop_.unwatch(fd_);
  accepting_ = false;
  loop_.run_after(kPauseWithoutDescriptors, [this] {
    if (fd_ >= 0 && !accepting_) start();
  });
}

void Listener::on_ready(std::uint32_t) {
  for (int i = 0; i < kAcceptsATick && fd_ >= 0; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&address), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      hand_over(fd, text_of(address));
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      log_.warn("net", "no descriptor is free for a new connection; accepting again in a moment");
      pause();
    }
    if (errno != ECONNABORTED && errno != EINTR) return;
  }
}

std::size_t Listener::least_loaded() const {
  std::size_t best = 0;
  int fewest = -1;
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    const int load = loops_[i]->connections.load(std::memory_order_relaxed) +
                     in_flight_[i]->load(std::memory_order_relaxed);
    if (fewest < 0 || load < fewest) {
      fewest = load;
      best = i;
    }
  }
  return best;
}

void Listener::hand_over(int fd, std::string peer_address) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options_.send_buffer_bytes,
               sizeof options_.send_buffer_bytes);
  const auto place = least_loaded();
  Loop& target = *loops_[place];
  auto& in_flight = *in_flight_[place];
  in_flight.fetch_add(1, std::memory_order_relaxed);
  target.post([this, &target, &in_flight, fd, peer = std::move(peer_address)]() mutable {
    in_flight.fetch_sub(1, std::memory_order_relaxed);
    std::unique_ptr<TlsStream> tls;
    if (options_.tls != nullptr) {
      tls = options_.tls->accept(fd);
      if (!tls) {
        ::close(fd);
        return;
      }
    }
    on_connection_(Connection::adopt(target, fd, std::move(tls), std::move(peer)));
  });
}

}  // namespace indaba::net
