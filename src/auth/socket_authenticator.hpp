// SocketAuthenticator: who opens a socket. The seam between the gateway and the ways to sign in.
#pragma once

#include "auth/principal.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "http/message.hpp"

#include <string>

namespace indaba::auth {

class SocketAuthenticator {
 public:
  virtual ~SocketAuthenticator() = default;
  // The first credential that is present counts: the sub-protocol pair ["Bearer", token]; the
  // Authorization header; ?token= (a socket token, which this spends, or any token where the
  // operator allows it); the session cookie. None: an anonymous principal. `request` must outlive
  // the task.
  virtual Task<Result<Principal>> authenticate_socket(const http::Request& request) = 0;
  // A token that a client sends on an open socket to stay.
  virtual Task<Result<Principal>> authenticate_socket_token(std::string token) = 0;
};

}  // namespace indaba::auth
