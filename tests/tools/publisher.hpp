// Publishers: as fast as the answers come, or at a given rate. Every event carries the steady
// clock's nanoseconds, so that a reader in this process can tell how long it took.
#pragma once

#include "connection.hpp"

#include <cstdint>
#include <map>
#include <memory>
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

class Publisher {
 public:
  virtual ~Publisher() = default;
  [[nodiscard]] virtual bool is_ready() const = 0;
  // Sends what is due. `budget`: how many events may be sent now. Returns how many were.
  virtual std::uint64_t publish(std::uint64_t budget) = 0;
  [[nodiscard]] virtual std::uint64_t outstanding() const = 0;
};

struct PublisherOptions {
  std::string stream;
  std::size_t payload_bytes = 100;
  std::size_t window = 256;  // events that may wait for their answers
  std::size_t batch = 1;     // events in one HTTP request
};

std::unique_ptr<Publisher> make_frame_publisher(Poller& poller, const Target& target,
                                                const PublisherOptions& options,
                                                Published& published);
std::unique_ptr<Publisher> make_http_publisher(Poller& poller, const Target& target,
                                               const PublisherOptions& options,
                                               Published& published);

// {"t":…,"p":"xxxx"}
std::string tick_data(std::size_t payload_bytes);

}  // namespace indaba::loadtool
