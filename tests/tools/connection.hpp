// Connection: one WebSocket as a client has it, from TCP connect to close. It can stop reading, or
// read at a given rate, so that the server's outbox and the kernel's buffers fill up as behind a
// bad network.
//
// One thread. Text frames only, unfragmented, as the server sends them; anything else ends the run,
// because it would be a bug.
#pragma once

#include "poller.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::loadtool {

struct Target {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string token;
};

class Connection : private Pollable {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_text(std::string_view text) = 0;
    // The peer's close code, or 0 where the connection just ended; after it the connection may be
    // opened again.
    virtual void on_close(int code) = 0;
  };

  static constexpr std::int64_t kFull = -1;

  Connection(Poller& poller, const Target& target, Handler& handler)
      : poller_(poller), target_(target), handler_(handler) {}
  ~Connection() override { drop(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `path` with its query. `receive_buffer`: bytes for SO_RCVBUF, 0 for the kernel's own.
  void open(const std::string& path, int receive_buffer = 0);
  void send_text(std::string_view text);
  void drop();  // as when the cable is pulled

  // kFull, 0 (reads nothing) or bytes a second; takes effect once the handshake is done.
  void read_at(std::int64_t bytes_per_second);
  // Reads what the rate allows since the last call; a few times a second for every paced
  // connection.
  void pace(SteadyClock::time_point now);

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] bool is_ready() const noexcept { return upgraded_; }
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  [[nodiscard]] std::size_t unsent() const noexcept { return out_.size(); }

 private:
  void on_ready(std::uint32_t events) override;
  // false: the connection has ended.
  bool read_some(std::size_t most);
  bool take_handshake();
  void take_frames();
  void take_frame(int opcode, std::string_view payload);
  void write_frame(int opcode, std::string_view payload);
  void flush();
  void finish(int code);
  void watch();

  Poller& poller_;
  const Target& target_;
  Handler& handler_;
  int fd_ = -1;
  bool upgraded_ = false;
  bool watched_ = false;
  bool writing_ = false;
  int close_code_ = 0;
  std::int64_t rate_ = kFull;
  double allowance_ = 0;
  SteadyClock::time_point paced_at_{};
  std::string in_;
  std::size_t in_from_ = 0;
  std::string out_;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace indaba::loadtool
