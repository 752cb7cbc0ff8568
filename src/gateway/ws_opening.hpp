// WsOpening: the handshake of a socket. All is decided before it is answered: origin, limits,
// caller, stream, session.
#pragma once

#include "api/endpoint.hpp"
#include "gateway/gateway.hpp"
#include "gateway/session.hpp"

namespace indaba::gateway {

class WsOpening {
 public:
  explicit WsOpening(Gateway& gateway) : gateway_(gateway) {}

  // /ws and /ws/{stream}, and /ws/chat, whose frames may be a plain counter's.
  void add_to(api::Endpoints& endpoints);
  Task<http::Response> open(http::Request request, api::PathParams path);

 private:
  struct Asked;
  [[nodiscard]] Result<Asked> read_query(const http::Request& request) const;
  [[nodiscard]] bool origin_allowed(const http::Request& request) const;
  Task<Result<void>> admit(const http::Request& request, std::string stream_name, Opening& opening);
  Task<std::optional<SavedSession>> find_saved(UserId user, std::string uuid);
  Task<void> resume(Opening& opening);
  [[nodiscard]] http::Response refuse_http(int status, std::string_view reason,
                                           std::string detail) const;
  [[nodiscard]] http::Response refuse_limited(std::string_view reason, const Error& error) const;

  Gateway& gateway_;
};

}  // namespace indaba::gateway
