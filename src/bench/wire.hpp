// Wire: what the connections of one process to one endpoint share.
#pragma once

#include "base/random.hpp"
#include "bench/endpoint.hpp"
#include "bench/inflate_cache.hpp"
#include "bench/poller.hpp"
#include "bench/ws_frames.hpp"

#include <cstdint>
#include <vector>

namespace indaba::bench {

// Where recv() puts bytes, behind what a connection kept of the last ones. One a process.
class ReadBuffer {
 public:
  static constexpr std::size_t kReadBytes = 256 * 1024;
  // A message larger than this ends its connection.
  static constexpr std::size_t kMostKept = 16 * 1024 * 1024;

  // Room for `kept` bytes and a read behind them.
  [[nodiscard]] char* with_room_for(std::size_t kept) {
    if (bytes_.size() < kept + kReadBytes) bytes_.resize(kept + kReadBytes);
    return bytes_.data();
  }

 private:
  std::vector<char> bytes_;
};

struct Wire {
  Wire(Poller& its_poller, ReadBuffer& its_buffer, const Endpoint& its_endpoint, std::uint64_t seed)
      : poller(its_poller), buffer(its_buffer), endpoint(its_endpoint), random(seed) {}

  Poller& poller;
  ReadBuffer& buffer;
  const Endpoint& endpoint;
  SeededRandom random;
  InflateCache inflate;
};

}  // namespace indaba::bench
