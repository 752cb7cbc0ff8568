// Search: messages of an organisation's rooms by their words, newest first.
//
// A caller finds what they could open: messages of public rooms, and of private ones that they are
// in; owners, admins and API keys those of all rooms. A name or a room that is not there, or not
// for the caller to know, finds nothing, the one like the other. Any executor.
#pragma once

#include "api/cursor.hpp"
#include "api/endpoint.hpp"
#include "api/rate_limit.hpp"
#include "base/live.hpp"
#include "feature/search/index.hpp"

namespace indaba::search {

// The operator may change it while it is read. 0 is no limit.
struct Limits {
  Live<std::int64_t> searches_per_minute = 120;  // of one user or API key
};

class Search {
 public:
  // All outlive this.
  Search(SearchIndex& index, api::RateLimiter& limiter, const api::Cursors& cursors)
      : index_(index), limiter_(limiter), cursors_(cursors) {}

  void add_routes(api::Endpoints& endpoints);
  [[nodiscard]] Limits& limits() noexcept { return limits_; }

  // invalid where the search cannot be understood, malformed where the cursor is of another one,
  // rate_limited.
  Task<Result<ResultList>> find(api::Membership org, auth::Principal caller, SearchMessages asked);

 private:
  [[nodiscard]] Result<void> charge(const auth::Principal& caller);

  SearchIndex& index_;
  api::RateLimiter& limiter_;
  const api::Cursors& cursors_;
  Limits limits_;
};

}  // namespace indaba::search
