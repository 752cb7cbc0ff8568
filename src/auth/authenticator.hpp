// Authenticator: from a request's credentials to a principal. The seam between the API and the ways
// to sign in.
#pragma once

#include "auth/principal.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "http/message.hpp"

namespace indaba::auth {

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // No credentials at all: an anonymous principal. Credentials that are wrong, expired or revoked:
  // ErrorKind::unauthenticated, also where the endpoint would serve a stranger. `request` must
  // outlive the task.
  virtual Task<Result<Principal>> authenticate(const http::Request& request) = 0;
};

}  // namespace indaba::auth
