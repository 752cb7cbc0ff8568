// Connection: one connection of a client, from connect() to its end, in any of the three protocols.
//
// One thread, one epoll, edge-triggered: a wake-up is one recv() into a buffer that all connections
// share, and the kernel need not be asked twice. Messages are read where they lie, and only one
// that has not come whole is kept by its connection. So twenty thousand idle ones cost a few
// hundred bytes each.
//
// How it ended is a short stable word: ECONNREFUSED, http_403, closed_4001, ended, bad_frame, …
#pragma once

#include "bench/endpoint.hpp"
#include "bench/http_input.hpp"
#include "bench/wire.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace indaba::bench {

class Connection : private Pollable {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_open() = 0;
    // One message or one block of an event stream; valid during the call.
    virtual void on_message(std::string_view text, std::int64_t now) = 0;
    // The answer to one POST.
    virtual void on_answer(int status, std::string_view body, std::int64_t now) = 0;
    // After the last of the messages that came at once: the time to write.
    virtual void on_batch_end() {}
    // It ended by itself. It may be opened again, but not from inside of this call.
    virtual void on_closed(std::string_view why) = 0;
  };

  Connection(Wire& wire, Handler& handler) : wire_(wire), handler_(handler) {}
  ~Connection() override { drop(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // A failure comes through on_closed(), possibly from inside.
  void open(std::string_view target, std::size_t source);
  // A text frame or a POST; written by the next flush().
  void queue(std::string_view message);
  void flush();
  // A slow reader: from now on nothing is read but by read_up_to(), and release() ends that. A
  // connection that is opened anew is not held.
  void hold() noexcept { held_ = true; }
  std::size_t read_up_to(std::size_t bytes) { return fd_ < 0 ? 0 : read_once(bytes); }
  void release();
  // As when the cable is pulled: a reset, and no on_closed().
  void drop();

  [[nodiscard]] bool is_connected() const noexcept { return state_ == State::open; }
  [[nodiscard]] bool is_closed() const noexcept { return fd_ < 0; }
  [[nodiscard]] std::size_t unsent() const noexcept { return out_.size(); }

 private:
  enum class State : std::uint8_t { closed, connecting, handshake, open };
  struct Fragments {
    std::string text;
    bool compressed = false;
  };

  void on_ready(std::uint32_t events) override;
  void on_connected();
  // How much came; 0 where there was nothing, or nothing more.
  std::size_t read_once(std::size_t most = ReadBuffer::kReadBytes);
  // What was not used of `bytes`, of which the first `kept` had been seen before.
  std::string_view take(std::span<char> bytes, std::size_t kept, std::int64_t now);
  std::string_view take_handshake(std::span<char> bytes, std::int64_t now);
  std::string_view take_frames(std::string_view bytes, std::int64_t now);
  std::string_view take_blocks(std::span<char> bytes, std::size_t kept, std::int64_t now);
  std::string_view take_answers(std::string_view bytes, std::int64_t now);
  void take_message(const Frame& frame, std::int64_t now);
  void deliver(std::string_view message, bool compressed, std::int64_t now);
  void fail(std::string_view why);

  Wire& wire_;
  Handler& handler_;
  int fd_ = -1;
  State state_ = State::closed;
  bool held_ = false;
  bool chunked_ = false;
  bool deflate_ = false;
  ChunkDecoder chunks_;
  std::string in_;   // the beginning of what has not come whole
  std::string out_;  // what the kernel has not taken yet
  std::unique_ptr<Fragments> fragments_;
};

}  // namespace indaba::bench
