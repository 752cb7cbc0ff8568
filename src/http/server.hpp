// HttpProtocol: HTTP/1.1 on one connection: requests in, one at a time and in order, responses out;
// keep-alive, pipelining, and a time limit on every phase.
//
// Owned by its connection, on its loop. A request under way outlives a connection that is lost
// meanwhile: its answer is then dropped.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"
#include "http/client_address.hpp"
#include "http/message.hpp"
#include "http/parser.hpp"
#include "net/connection.hpp"

#include <functional>
#include <memory>
#include <string>

namespace indaba::http {

struct ServerSettings {
  ParserLimits parser;
  Millis head_timeout{
      10'000};  // from accept, or from a request's first byte, to the end of its head
  Millis body_timeout{30'000};   // for each MiB of body, and at least once
  Millis idle_timeout{75'000};   // between requests
  Millis write_timeout{30'000};  // a response that does not move
  TrustedProxies proxies;
};

// What all connections of the process share.
struct Server {
  // What answers a request that could not even be read.
  using Refusal = std::function<Response(int status, std::string_view sentence)>;
  using Handler = std::function<Task<Response>(Request)>;
  const ServerSettings& settings;
  const Clock& clock;
  Handler handler;
  Refusal refusal;
};

class HttpProtocol final : public net::Protocol {
 public:
  HttpProtocol(net::Connection& connection, const Server& server);
  ~HttpProtocol() override;

  void on_bytes(std::span<char> bytes) override;
  void on_drained() override;
  void on_timer() override;
  void on_closed() override;

 private:
  enum class Phase : unsigned char { idle, head, body, handling, writing };
  // Outlives the protocol as long as a request does.
  struct Link {
    HttpProtocol* protocol;
  };

  void enter(Phase phase);
  void read_on();
  bool start_body();
  void serve(Request request);
  static Task<void> run(std::shared_ptr<Link> link, const Server& server, Request request);
  void respond(Response response);
  static Task<void> fetch(std::shared_ptr<Link> link, Task<Result<std::string>> fetching);
  void send_piece(Result<std::string> piece);
  void all_sent();
  void refuse(int status, std::string_view detail);
  void hand_over(Response response);
  [[nodiscard]] std::string date_now() const;

  net::Connection& connection_;
  const Server& server_;
  RequestParser parser_;
  std::string pending_;  // bytes behind the request that is being served
  std::shared_ptr<Link> link_;
  std::optional<BodyPieces> pieces_;  // of the response that is being sent
  MonoTime body_deadline_{};
  Phase phase_ = Phase::head;
  bool head_request_ = false;
  bool keep_alive_ = true;
  bool secure_ = false;
  int version_minor_ = 1;
};

}  // namespace indaba::http
