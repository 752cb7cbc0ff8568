// Reader: one subscriber of a stream, over all its connections. It counts what must never happen: a
// `seq` that is missing, comes twice on one connection, or goes back. It can stop reading, or read
// at a given rate, so that the server's outbox and the kernel's buffers fill up as behind a bad
// network.
#pragma once

#include "bench/connection.hpp"
#include "bench/delivery_check.hpp"
#include "report.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace indaba::loadtool {

class Reader : private bench::Connection::Handler {
 public:
  static constexpr std::int64_t kFull = -1;

  // `group` outlives the reader. `rate`: kFull, 0 (reads nothing) or bytes a second, once it is
  // subscribed.
  Reader(bench::Wire& wire, std::string stream, Group& group, std::int64_t rate);

  void start();  // subscribes after what it has seen
  void read_at(std::int64_t rate);
  // Paced reading; and coming back, some time after the connection ended.
  void tick(std::int64_t now);
  void pull_cable() {
    connection_.drop();
    on_closed("pulled");
  }

  [[nodiscard]] bool is_subscribed() const noexcept { return subscribed_; }
  [[nodiscard]] std::int64_t last() const noexcept { return order_.last; }

 private:
  void on_open() override {}
  void on_message(std::string_view text, std::int64_t now) override;
  void on_answer(int, std::string_view, std::int64_t) override {}
  void on_closed(std::string_view why) override;
  void on_event(std::string_view text, std::int64_t now);
  void obey_rate();

  std::string stream_;
  Group& group_;
  std::int64_t rate_;
  bool subscribed_ = false;
  bool ever_subscribed_ = false;
  bench::Order order_;
  std::string epoch_;
  std::int64_t retry_at_ = 0;
  std::int64_t paced_at_ = 0;
  double allowance_ = 0;
  bench::Connection connection_;
};

}  // namespace indaba::loadtool
