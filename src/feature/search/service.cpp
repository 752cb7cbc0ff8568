#include "base/crypto.hpp"
#include "feature/search/search.hpp"

#include <fmt/format.h>

namespace indaba::search {

namespace {

// A cursor fits the search that it was made for.
std::string list_name(const api::Membership& org, const SearchMessages& asked) {
  auto same = asked;
  same.cursor.reset();
  same.limit = json::Int<1, 200>(50);
  return fmt::format("search:{}:{}", org.org.value, json::to_json(same));
}

}  // namespace

Result<void> Search::charge(const auth::Principal& caller) {
  const std::int64_t limit = limits_.searches_per_minute;
  if (limit == 0) return {};
  const auto key = caller.is_user() ? fmt::format("searches:{}", caller.user.value)
                                    : fmt::format("searches:key:{}", caller.api_key.value);
  return api::charge(limiter_, key, {limit, Millis(60'000)}, "Too many searches; wait a little.");
}

Task<Result<ResultList>> Search::find(api::Membership org, auth::Principal caller,
                                      SearchMessages asked) {
  IndexQuery query;
  INDABA_CO_TRY(query.wanted, read_query(asked));
  const auto name = list_name(org, asked);
  if (asked.cursor) {
    INDABA_CO_TRY(const auto before, cursors_.open(asked.cursor->str(), name));
    query.before = chat::MessageId(before);
  }
  INDABA_CO_TRY_VOID(charge(caller));
  query.org = org.org;
  query.caller = caller.user;
  query.everything = !caller.is_user() && caller.key_org == org.org;
  query.limit = asked.limit.value();
  auto finding = index_.find(std::move(query));
  INDABA_CO_TRY(auto page, co_await finding);
  ResultList list{std::move(page.hits), std::nullopt};
  if (page.go_on) list.next_cursor = cursors_.seal(page.go_on.value, name);
  co_return list;
}

}  // namespace indaba::search
