// Connection: one accepted socket on one loop, from accept to close. It moves bytes; what they mean
// is its protocol's business.
//
// Lives on its loop and is touched only there. The loop destroys it at the end of the tick in which
// it closed, so a handler may close it at any point and go on reading its own members. Invariant:
// everything given to send() before close_after_flush() is written in order, or the connection is
// gone.
#pragma once

#include "net/frame.hpp"
#include "net/loop.hpp"
#include "net/outbox.hpp"
#include "net/send_ring.hpp"
#include "net/tls.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace indaba::net {

class Connection;

// What speaks on a connection: HTTP first, then perhaps WebSocket or SSE. Owned by the connection.
class Protocol {
 public:
  virtual ~Protocol() = default;
  // Bytes from the peer, in the loop's receive buffer: may be changed in place, and are gone after
  // the call.
  virtual void on_bytes(std::span<char> bytes) = 0;
  // The outbox has run empty after it held something.
  virtual void on_drained() {}
  // The timer armed with Connection::arm_timer() has fired.
  virtual void on_timer() {}
  // The last call: the socket is gone. Nothing can be sent any more.
  virtual void on_closed() {}
};

class Connection final : public Pollable, private Timer, private SendRing::Sender {
 public:
  // Owns `fd`. Registers with the loop; the loop owns the connection from here on.
  static Connection& adopt(Loop& loop, int fd, std::unique_ptr<TlsStream> tls,
                           std::string peer_address);
  ~Connection() override;

  void set_protocol(
      std::unique_ptr<Protocol> protocol);  // the old one lives until the end of the tick
  // Bytes that an earlier protocol had read already, for the one that speaks now.
  void deliver(std::span<char> bytes) {
    if (protocol_ && !bytes.empty() && !closing()) protocol_->on_bytes(bytes);
  }

  // Queues bytes; everything queued in one tick leaves with one sendmsg at its end.
  void send(Frame frame);
  // The same, but hands the frame to the kernel at once where nothing waits before it: for what
  // goes to thousands in one go. Never calls the protocol.
  void send_now(const Frame& frame);
  [[nodiscard]] std::size_t queued() const noexcept { return outbox_.bytes(); }
  // When bytes last left, or when the queue was last empty: a queue that does not move is a stalled
  // reader.
  [[nodiscard]] MonoTime last_progress() const noexcept { return last_progress_; }
  [[nodiscard]] MonoTime last_received() const noexcept { return last_received_; }
  // Forgets what waits, but for a frame that is partly out.
  void discard_unsent() {
    outbox_.drop_unstarted(tls_taken_);
    if (write_blocked_) tell_waiting(outbox_.bytes());
  }

  // From now on Protocol::on_drained() is called once for each time that this is called.
  void tell_drained_once() noexcept { tell_drained_ = drained_once_ = true; }

  // Stops reading, writes what waits, then closes gracefully. Gives up after `patience`.
  void close_after_flush(Millis patience = Millis(5'000));
  // Closes at once; what waits is lost.
  void abort();
  [[nodiscard]] bool closed() const noexcept { return fd_ < 0; }
  [[nodiscard]] bool closing() const noexcept { return closing_ || fd_ < 0; }

  void pause_reading();
  void resume_reading();
  // One timer for the protocol; arming it again moves it.
  void arm_timer(Millis delay);
  void disarm_timer() { TimerWheel::disarm(*this); }

  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] const std::string& peer_address() const noexcept { return peer_address_; }
  [[nodiscard]] bool secure() const noexcept { return tls_ != nullptr; }

 private:
  Connection(Loop& loop, int fd, std::unique_ptr<TlsStream> tls, std::string peer_address);

  void on_ready(std::uint32_t epoll_events) override;
  void on_tick_end() override { flush(); }
  void on_loop_end() override { abort(); }
  void on_timer() override;
  void on_unsent(const Frame& frame, std::size_t sent) override;
  void mark_dirty();
  void read_available();
  void on_peer_done();
  [[nodiscard]] IoResult receive(std::span<char> into);
  void flush();
  [[nodiscard]] IoResult write_some();
  [[nodiscard]] IoResult write_tls(std::span<const char> bytes);
  void shut_down();
  // Keeps the loop's sum right. Only where the peer does not take what it is sent: a connection
  // that flows never comes here.
  void tell_waiting(std::size_t bytes) noexcept;
  void watch_for_what_is_wanted();

  Loop& loop_;
  int fd_;
  bool tell_drained_ = true;
  bool drained_once_ = false;  // … and then no more until asked for again
  bool dirty_ = false;
  bool reading_ = true;
  bool closing_ = false;        // close when the outbox is empty
  bool shut_ = false;           // our FIN is out; waiting for the peer's
  bool peer_done_ = false;      // its FIN came while we were closing
  bool write_blocked_ = false;  // the kernel's buffer is full
  std::uint32_t watched_ = 0;
  std::uint32_t ring_turn_ = 0;     // in which the loop's ring holds a frame of ours
  std::uint32_t told_waiting_ = 0;  // this connection's part of the loop's waiting_bytes
  Outbox outbox_;
  std::size_t tls_taken_ = 0;  // bytes at the front that TLS has encrypted already and not got rid
                               // of: they must leave next
  MonoTime last_progress_;
  MonoTime last_received_;
  std::unique_ptr<TlsStream> tls_;
  std::unique_ptr<Protocol> protocol_;
  std::string peer_address_;
};

}  // namespace indaba::net
