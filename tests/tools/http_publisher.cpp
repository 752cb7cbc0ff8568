// Publishing by HTTP: one keep-alive connection, one request at a time, `batch` events in each. It
// reads what this server writes: header names in lower case and a Content-Length.
#include "publisher.hpp"

#include "text_scan.hpp"

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

class HttpPublisher : public Publisher, private Pollable {
 public:
  HttpPublisher(Poller& poller, const Target& target, const PublisherOptions& options,
                Published& published)
      : poller_(poller), target_(target), options_(options), published_(published) {
    fd_ = connect_to(target.host.c_str(), target.port, 0);
    if (fd_ < 0) throw std::runtime_error("cannot connect");
    poller_.add(fd_, EPOLLIN, *this);
  }
  ~HttpPublisher() override { close(fd_); }

  [[nodiscard]] bool is_ready() const override { return true; }
  [[nodiscard]] std::uint64_t outstanding() const override { return outstanding_; }

  std::uint64_t publish(std::uint64_t budget) override {
    if (outstanding_ > 0 || budget == 0) return 0;
    const auto count = std::min<std::uint64_t>(budget, options_.batch);
    std::string body = "[";
    for (std::uint64_t i = 0; i < count; ++i)
      body += fmt::format(R"({}{{"type":"tick","data":{}}})", i == 0 ? "" : ",",
                          tick_data(options_.payload_bytes));
    body += ']';
    out_ += fmt::format(
        "POST /api/v1/{}/events HTTP/1.1\r\nHost: {}:{}\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        options_.stream, target_.host, target_.port, target_.token, body.size(), body);
    outstanding_ = count;
    published_.sent += count;
    flush();
    return count;
  }

 private:
  void on_ready(std::uint32_t events) override {
    if ((events & EPOLLOUT) != 0) flush();
    std::array<char, 65536> buffer;
    const auto got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) throw std::runtime_error("the publisher's connection ended");
    in_.append(buffer.data(), static_cast<std::size_t>(got));
    take_answer();
  }

  void take_answer() {
    const auto end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const auto length = static_cast<std::size_t>(
        number_after(std::string_view(in_).substr(0, end), "content-length: "));
    if (in_.size() < end + 4 + length) return;
    const auto body = std::string_view(in_).substr(end + 4, length);
    if (in_.starts_with("HTTP/1.1 20")) {
      published_.acked += outstanding_;
      const auto last = body.rfind(R"("seq":)");
      if (last != std::string_view::npos)
        published_.head = std::max(published_.head, number_after(body.substr(last), R"("seq":)"));
    } else {
      published_.errors += outstanding_;
      ++published_.error_codes[in_.substr(9, 3)];
    }
    outstanding_ = 0;
    in_.erase(0, end + 4 + length);
  }

  void flush() {
    const auto sent = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) throw std::runtime_error("the publisher's connection ended");
    if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
    poller_.change(fd_, EPOLLIN | (out_.empty() ? 0U : std::uint32_t{EPOLLOUT}), *this);
  }

  Poller& poller_;
  const Target& target_;
  PublisherOptions options_;
  Published& published_;
  int fd_ = -1;
  std::uint64_t outstanding_ = 0;
  std::string in_;
  std::string out_;
};

}  // namespace

std::unique_ptr<Publisher> make_http_publisher(Poller& poller, const Target& target,
                                               const PublisherOptions& options,
                                               Published& published) {
  return std::make_unique<HttpPublisher>(poller, target, options, published);
}

}  // namespace indaba::loadtool
