// What an endpoint's handler is given, and what it answers.
#pragma once

#include "api/once.hpp"
#include "auth/principal.hpp"
#include "base/ids.hpp"
#include "http/message.hpp"

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace indaba::api {

struct Nothing {};  // no body, no query parameters, an empty answer
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

// Who may call. `member` and above speak of the organisation that the path names as {org}; whoever
// is not a member of it gets the 404 of an organisation that does not exist.
enum class Access : std::uint8_t { anyone, user, member, moderator, admin, owner, superuser };

// The caller's place in the organisation that the path names.
struct Membership {
  OrgId org;
  std::string slug;
  std::string name;
  auth::Role role = auth::Role::member;  // an API key with the right scope acts as admin
  StreamId notifications;                // the organisation's own stream
};

class PathParams {
 public:
  void add(std::string_view name, std::string value) {
    values_.emplace_back(name, std::move(value));
  }
  [[nodiscard]] std::string_view text(std::string_view name) const noexcept;
  // A positive decimal number below 2^53, else none: the handler then answers not_found.
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) const noexcept;

 private:
  std::vector<std::pair<std::string_view, std::string>> values_;
};

template <class Body = Nothing, class Query = Nothing>
struct Call {
  auth::Principal principal;
  std::optional<Membership> org;  // set for Access::member and above
  PathParams path;
  Body body;
  Query query;
  Once once;  // the caller's Idempotency-Key, if there is one
  http::Request request;
};

template <class T>
struct Reply {
  int status = 200;
  T body;
  std::vector<std::pair<std::string, std::string>> headers;
};

template <class T>
[[nodiscard]] Reply<T> ok(T body) {
  return {200, std::move(body), {}};
}
template <class T>
[[nodiscard]] Reply<T> created(T body) {
  return {201, std::move(body), {}};
}
template <class T>
[[nodiscard]] Reply<T> accepted(T body) {
  return {202, std::move(body), {}};
}
[[nodiscard]] inline Reply<Nothing> no_content() {
  return {204, {}, {}};
}

}  // namespace indaba::api
