// Endpoints: the one typed table of the HTTP API. It serves requests, and the OpenAPI description
// and the pages are made from it.
//
//   endpoints.post<CreateTask, Nothing, TaskView>(
//       "/api/v1/orgs/{org}/tasks",
//       {.summary = "Create a task", .tag = "tasks", .access = Access::member, .status = 201},
//       [this](Call<CreateTask> call) { return create(std::move(call)); });
//
// The lambda is no coroutine: it returns the Task<Result<Reply<TaskView>>> of a member coroutine,
// so that nothing is captured in a frame. Body, Query and the reply are described structs
// (base/reflect.hpp). Built at start-up, immutable afterwards.
#pragma once

#include "api/call.hpp"
#include "base/json.hpp"
#include "base/reflect.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "http/message.hpp"

#include <boost/json/value.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace indaba::api {

// Which limit counts a call.
enum class Limit : std::uint8_t {
  by_method,  // changes count as writes of the user or API key, reads do not count
  password,   // by address: wherever a password is tried or mailed
  session,    // by sign-in: refreshing, socket tokens
  none,
};

struct ErrorDocs {
  int status = 0;
  std::string code;
  std::string when;
};

struct Docs {
  std::string summary;
  std::string description = {};
  std::string tag = {};
  Access access = Access::member;
  int status = 200;        // of success
  std::string scope = {};  // that an API key needs; without one, API keys may not call this
  Limit limit = Limit::by_method;
  bool credentials =
      false;  // deals in secrets: an Idempotency-Key is ignored, nothing of the answer is kept
  bool hidden = false;                 // not in the description
  std::vector<ErrorDocs> errors = {};  // beside those that every call of its kind can get
};

// A request that is let in: who it is from and what it says, before it is read into types.
struct Arrival {
  auth::Principal principal;
  std::optional<Membership> org;
  PathParams path;
  http::Request request;
};

struct Endpoint {
  // The call, read and checked; run it once.
  using Ready = std::move_only_function<Task<Result<http::Response>>(Once)>;
  using Prepare = std::function<Result<Ready>(Arrival)>;
  // For answers that are not JSON of ours: streams, pages, files. Does everything itself,
  // credentials too.
  using Raw = std::function<Task<http::Response>(http::Request, PathParams)>;
  using Schema = boost::json::value (*)(json::Use);

  http::Method method;
  std::string pattern;
  Docs docs;
  Prepare prepare;  // one of the two
  Raw raw;
  Schema body = nullptr;  // null: none
  Schema query = nullptr;
  Schema reply = nullptr;
};

class Endpoints {
 public:
  template <class Query, class R, class Handler>
  void get(std::string_view pattern, Docs docs, Handler handler) {
    add<Nothing, Query, R>(http::Method::get, pattern, std::move(docs), std::move(handler));
  }
  template <class Body, class Query, class R, class Handler>
  void post(std::string_view pattern, Docs docs, Handler handler) {
    add<Body, Query, R>(http::Method::post, pattern, std::move(docs), std::move(handler));
  }
  template <class Body, class Query, class R, class Handler>
  void put(std::string_view pattern, Docs docs, Handler handler) {
    add<Body, Query, R>(http::Method::put, pattern, std::move(docs), std::move(handler));
  }
  template <class Body, class Query, class R, class Handler>
  void patch(std::string_view pattern, Docs docs, Handler handler) {
    add<Body, Query, R>(http::Method::patch, pattern, std::move(docs), std::move(handler));
  }
  // `delete` is a keyword.
  template <class Query, class R, class Handler>
  void remove(std::string_view pattern, Docs docs, Handler handler) {
    add<Nothing, Query, R>(http::Method::delete_, pattern, std::move(docs), std::move(handler));
  }
  // A typed GET whose answer is a whole response (an event stream, a download):
  // Task<Result<http::Response>>(Call<Nothing, Query>).
  template <class Query, class Handler>
  void get_response(std::string_view pattern, Docs docs, Handler handler);
  // Task<http::Response>(http::Request, PathParams). Only matching, CORS, compression and the
  // request id are done for it.
  void raw(http::Method method, std::string_view pattern, Docs docs, Endpoint::Raw handler);

  [[nodiscard]] const std::vector<Endpoint>& all() const noexcept { return table_; }

 private:
  template <class Body, class Query, class R, class Handler>
  void add(http::Method method, std::string_view pattern, Docs docs, Handler handler);

  std::vector<Endpoint> table_;
};

namespace detail {

// The body as JSON; an empty one counts as {}, so that what is missing is named.
[[nodiscard]] Result<boost::json::value> parse_body(const http::Request& request);
[[nodiscard]] http::Response json_response(int status, std::string body);

template <class T>
constexpr bool kIsNothing = std::is_same_v<T, Nothing>;

template <class T>
Endpoint::Schema schema_of() {
  if constexpr (kIsNothing<T>)
    return nullptr;
  else
    return &json::schema<T>;
}

template <class Body, class Query>
Result<Call<Body, Query>> read_call(Arrival arrival) {
  INDABA_TRY(const auto json_body, parse_body(arrival.request));
  INDABA_TRY(auto body, json::read<Body>(json_body));
  const auto pairs = http::parse_query(arrival.request.query);
  if (!pairs) return Error(ErrorKind::malformed, "The query string is not properly encoded.");
  INDABA_TRY(auto query, json::read_query<Query>(*pairs));
  return Call<Body, Query>{std::move(arrival.principal),
                           std::move(arrival.org),
                           std::move(arrival.path),
                           std::move(body),
                           std::move(query),
                           Once(),
                           std::move(arrival.request)};
}

template <class R>
Task<Result<http::Response>> render(Task<Result<Reply<R>>> handling) {
  INDABA_CO_TRY(auto reply, co_await handling);
  std::string body;
  if constexpr (!kIsNothing<R>) body = json::to_json(reply.body);
  auto response = json_response(reply.status, std::move(body));
  for (const auto& [name, value] : reply.headers) response.headers.set(name, value);
  co_return response;
}

}  // namespace detail

template <class Body, class Query, class R, class Handler>
void Endpoints::add(http::Method method, std::string_view pattern, Docs docs, Handler handler) {
  auto shared = std::make_shared<const Handler>(std::move(handler));
  Endpoint endpoint{method, std::string(pattern), std::move(docs), {}, {}};
  endpoint.body = detail::schema_of<Body>();
  endpoint.query = detail::schema_of<Query>();
  endpoint.reply = detail::schema_of<R>();
  endpoint.prepare = [shared](Arrival arrival) -> Result<Endpoint::Ready> {
    INDABA_TRY(auto call, (detail::read_call<Body, Query>(std::move(arrival))));
    return Endpoint::Ready([shared, call = std::move(call)](Once once) mutable {
      call.once = std::move(once);
      return detail::render<R>((*shared)(std::move(call)));
    });
  };
  table_.push_back(std::move(endpoint));
}

template <class Query, class Handler>
void Endpoints::get_response(std::string_view pattern, Docs docs, Handler handler) {
  auto shared = std::make_shared<const Handler>(std::move(handler));
  Endpoint endpoint{http::Method::get, std::string(pattern), std::move(docs), {}, {}};
  endpoint.query = detail::schema_of<Query>();
  endpoint.prepare = [shared](Arrival arrival) -> Result<Endpoint::Ready> {
    INDABA_TRY(auto call, (detail::read_call<Nothing, Query>(std::move(arrival))));
    return Endpoint::Ready(
        [shared, call = std::move(call)](Once) mutable { return (*shared)(std::move(call)); });
  };
  table_.push_back(std::move(endpoint));
}

}  // namespace indaba::api
