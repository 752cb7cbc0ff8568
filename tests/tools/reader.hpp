// Reader: one subscriber of a stream, over all its connections. It counts what must never happen: a
// `seq` that is missing, comes twice on one connection, or goes back.
#pragma once

#include "connection.hpp"
#include "report.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace indaba::loadtool {

class Reader : private Connection::Handler {
 public:
  // `group` outlives the reader. `rate` as Connection::read_at.
  Reader(Poller& poller, const Target& target, std::string stream, Group& group, std::int64_t rate,
         int receive_buffer);

  void start();  // subscribes after what it has seen
  void read_at(std::int64_t rate);
  // Paced reading; and coming back, some time after the connection ended.
  void tick(SteadyClock::time_point now);
  void pull_cable() {
    connection_.drop();
    on_close(0);
  }

  [[nodiscard]] bool is_subscribed() const noexcept { return subscribed_; }
  [[nodiscard]] std::int64_t last() const noexcept { return last_; }

 private:
  void on_text(std::string_view text) override;
  void on_close(int code) override;
  void on_event(std::string_view text);

  std::string stream_;
  Group& group_;
  std::int64_t rate_;
  int receive_buffer_;
  bool subscribed_ = false;
  bool ever_subscribed_ = false;
  std::int64_t last_ = 0;
  std::string epoch_;
  SteadyClock::time_point retry_at_{};
  Connection connection_;
};

}  // namespace indaba::loadtool
