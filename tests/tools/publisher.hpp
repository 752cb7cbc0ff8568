// Publishers: as fast as the answers come, or at a given rate. Every event carries the steady
// clock's nanoseconds, so that a reader in this process can tell how long it took.
#pragma once

#include "bench/connection.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace indaba::loadtool {

struct Published {
  std::uint64_t sent = 0;
  std::uint64_t acked = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t errors = 0;
  std::int64_t head = 0;  // the highest seq that was answered
  std::map<std::string, std::uint64_t> error_codes;
};

struct PublisherOptions {
  std::string stream;
  std::size_t payload_bytes = 100;
  std::size_t window = 256;  // events that may wait for their answers
  std::size_t batch = 1;     // events in one HTTP request
};

// One connection, by frames or by POST, as its wire's endpoint says.
class Publisher : private bench::Connection::Handler {
 public:
  Publisher(bench::Wire& wire, const PublisherOptions& options, Published& published);

  [[nodiscard]] bool is_ready() const noexcept { return ready_; }
  // Sends what is due. `budget`: how many events may be sent now. Returns how many were.
  std::uint64_t publish(std::uint64_t budget);
  [[nodiscard]] std::uint64_t outstanding() const noexcept { return outstanding_; }

 private:
  void on_open() override;
  void on_message(std::string_view text, std::int64_t now) override;
  void on_answer(int status, std::string_view body, std::int64_t now) override;
  void on_closed(std::string_view why) override;
  std::uint64_t publish_frames(std::uint64_t budget);
  std::uint64_t publish_request(std::uint64_t budget);
  void count_error(const std::string& code, std::uint64_t events);

  const PublisherOptions& options_;
  Published& published_;
  bool by_http_;
  bool ready_ = false;
  std::uint64_t outstanding_ = 0;
  bench::Connection connection_;
};

}  // namespace indaba::loadtool
