#include "gateway/echo.hpp"

#include "net/connection.hpp"
#include "ws/frame_header.hpp"
#include "ws/handshake.hpp"
#include "ws/message_reader.hpp"

namespace indaba::gateway {

namespace {

// Conformance suites send messages of up to 16 MiB in very many fragments.
const ws::ReaderSettings kEchoLimits{.max_frame_bytes = 32UL << 20U,
                                     .max_message_bytes = 32UL << 20U,
                                     .max_inflate_factor = 0,
                                     .max_fragments = 1'000'000,
                                     .max_empty_fragments = 1'000'000,
                                     .accept_binary = true};

class EchoProtocol final : public net::Protocol, public ws::MessageHandler {
 public:
  EchoProtocol(LoopContext& context, net::Connection& connection, bool deflate)
      : context_(context),
        connection_(connection),
        reader_(kEchoLimits, deflate ? &context.inflater : nullptr),
        deflate_(deflate) {}

  void on_bytes(std::span<char> bytes) override {
    if (closed_) return;
    const auto outcome = reader_.read(bytes, *this);
    if (outcome.status == ws::ReadOutcome::Status::failed) close(outcome.code, outcome.sentence);
  }
  bool on_text(std::string_view text) override { return echo(ws::Opcode::text, text); }
  bool on_binary(std::string_view bytes) override { return echo(ws::Opcode::binary, bytes); }
  bool on_ping(std::string_view payload) override {
    connection_.send(ws::make_frame(ws::Opcode::pong, payload));
    return true;
  }
  bool on_pong(std::string_view) override { return true; }
  bool on_close(ws::CloseCode code, std::string_view) override {
    close(code, {});
    return false;
  }

 private:
  bool echo(ws::Opcode opcode, std::string_view payload) {
    connection_.send(deflate_ ? ws::make_frame(opcode, context_.deflater.deflate(payload), true)
                              : ws::make_frame(opcode, payload));
    return true;
  }
  void close(ws::CloseCode code, std::string_view sentence) {
    closed_ = true;
    connection_.send(ws::make_close_frame(code, sentence));
    connection_.close_after_flush();
  }

  LoopContext& context_;
  net::Connection& connection_;
  ws::MessageReader reader_;
  bool deflate_;
  bool closed_ = false;
};

Task<http::Response> open_echo(Gateway& gateway, http::Request request) {
  const auto upgrade = ws::check_upgrade(request, {.compression = true});
  http::Response response;
  if (const auto* refused = std::get_if<ws::RefusedUpgrade>(&upgrade)) {
    ws::apply_refusal(*refused, response);
    co_return response;
  }
  const auto accepted = std::get<ws::AcceptedUpgrade>(upgrade);
  response.status = 101;
  response.take_over = [&gateway, head = ws::render_upgrade(accepted),
                        deflate = accepted.deflate.has_value()](net::Connection* connection) {
    connection->send(net::Frame::of(head));
    connection->set_protocol(std::make_unique<EchoProtocol>(gateway.here(), *connection, deflate));
  };
  co_return response;
}

}  // namespace

void add_echo_route(api::Endpoints& endpoints, Gateway& gateway) {
  endpoints.raw(http::Method::get, "/test/echo",
                {.summary = "Echo", .access = api::Access::anyone, .hidden = true},
                [&gateway](http::Request request, api::PathParams) {
                  return open_echo(gateway, std::move(request));
                });
}

}  // namespace indaba::gateway
