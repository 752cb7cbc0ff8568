// Bus: what nodes say to each other, fast and without promises. A message may be lost, late, twice
// or out of order; whoever listens finds out what it missed from the log, never from here.
//
// Channels are short names (letters, digits, '-', '/', ':'); an implementation adds what keeps
// several deployments apart. Nothing is kept: a bus that forgets everything at any moment does no
// harm. publish(), join() and leave() on any thread, and they return at once; past its bound a
// queue drops what is new, and counts it. The listener is called on the bus's own thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace indaba::cluster {

class BusListener {
 public:
  virtual ~BusListener() = default;
  // Own messages come back too. `payload` lives as long as the call.
  virtual void on_message(std::string_view channel, std::string_view payload) = 0;
  // From now on messages of the channel arrive; what was said before may be lost. Again after each
  // reconnection.
  virtual void on_joined(std::string_view channel) = 0;
  // Whether messages get through, as far as can be known. Down at the beginning.
  virtual void on_up() = 0;
  virtual void on_down() = 0;
};

struct BusStats {
  bool up = false;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t dropped = 0;  // because the queue was full, or the bus down
  std::uint64_t reconnections = 0;
  std::uint64_t memory_bytes = 0;  // of the server that carries it, as far as it says so
};

class Bus {
 public:
  static constexpr std::size_t kMaxPayload = 1U << 20U;  // bytes; what is longer is dropped

  virtual ~Bus() = default;
  // `listener` outlives the calls between start() and stop(). Both once, on the thread that owns
  // the bus.
  virtual void start(BusListener& listener) = 0;
  virtual void stop() = 0;

  virtual void join(std::string_view channel) = 0;
  virtual void leave(std::string_view channel) = 0;
  virtual void publish(std::string_view channel, std::string payload) = 0;

  [[nodiscard]] virtual BusStats stats() const = 0;  // any thread
};

}  // namespace indaba::cluster
