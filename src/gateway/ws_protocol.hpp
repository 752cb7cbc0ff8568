// WsProtocol: RFC 6455 on one connection: frames in and out, pings, the closing handshake, and the
// clocks that watch them.
//
// Owned by its connection, on its loop. What the frames mean is the Session's business.
#pragma once

#include "gateway/session.hpp"
#include "net/connection.hpp"
#include "ws/message_reader.hpp"

#include <memory>

namespace indaba::gateway {

class WsProtocol final : public net::Protocol, public ws::MessageHandler, public SocketTransport {
 public:
  WsProtocol(Gateway& gateway, LoopContext& context, net::Connection& connection, bool deflate);
  ~WsProtocol() override;

  // The 101 is queued; what follows is the session's.
  void begin(Opening opening, std::vector<api::AccessChange> missed);
  // The 101 and a Close frame leave together; nothing is read or joined.
  static void refuse(net::Connection& connection, ws::CloseCode code, std::string_view sentence);

  // net::Protocol
  void on_bytes(std::span<char> bytes) override;
  void on_drained() override;
  void on_timer() override;
  void on_closed() override;

  // ws::MessageHandler
  bool on_text(std::string_view text) override;
  bool on_binary(std::string_view bytes) override;
  bool on_ping(std::string_view payload) override;
  bool on_pong(std::string_view payload) override;
  bool on_close(ws::CloseCode code, std::string_view reason) override;

  // SocketTransport
  [[nodiscard]] net::Connection& connection() override { return connection_; }
  [[nodiscard]] stream::WireFormat& format() override;
  void close(ws::CloseCode code, std::string_view reason, Millis linger) override;

 private:
  [[nodiscard]] bool can_take() const;
  [[nodiscard]] Millis next_look() const;
  [[nodiscard]] bool stalled() const;
  void write_heartbeat();

  Gateway& gateway_;
  LoopContext& context_;
  net::Connection& connection_;
  ws::MessageReader reader_;
  std::shared_ptr<Session> session_;
  MonoTime heartbeat_due_;
  MonoTime pinged_at_{};  // of a ping that waits for its pong; 0: none does
  FrameBudget control_budget_;
  bool deflate_;
};

}  // namespace indaba::gateway
