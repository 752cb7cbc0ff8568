// OrgGate: who belongs to an organisation, and in which role. The seam between the API's access
// check and the organisations.
#pragma once

#include "api/call.hpp"
#include "auth/principal.hpp"
#include "base/result.hpp"
#include "base/task.hpp"

#include <string>

namespace indaba::api {

class OrgGate {
 public:
  virtual ~OrgGate() = default;
  // The caller's membership of the organisation with that slug. An organisation that is missing and
  // one that the caller does not belong to are the same ErrorKind::not_found. An API key is a
  // member (as admin) of its own organisation alone; which of its scopes an endpoint needs is the
  // API's to check.
  virtual Task<Result<Membership>> membership(auth::Principal principal, std::string slug) = 0;
  // The organisation with that slug, whoever asks: for what is decided by other means than
  // membership.
  virtual Task<Result<OrgId>> org_id(std::string slug) = 0;
};

}  // namespace indaba::api
