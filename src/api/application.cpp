#include "api/application.hpp"

#include "http/gzip.hpp"
#include "http/phrases.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

namespace indaba::api {

struct Application::Visit {
  std::string request_id;
  std::string_view language = "en";
  http::Router::Match match;
  const Endpoint* endpoint = nullptr;
  auth::Principal principal;
  std::optional<Membership> org;
  std::optional<RateVerdict> rate;
};

namespace {

constexpr std::string_view kApiPolicy = "default-src 'none'; frame-ancestors 'none'";
constexpr std::string_view kOneYear = "max-age=31536000";

void set_unless_there(http::Headers& headers, std::string_view name, std::string_view value) {
  if (!headers.find(name)) headers.set(name, value);
}

void add_rate_headers(const RateVerdict& rate, http::Headers& headers) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(rate.reset).count();
  headers.set("ratelimit-limit", std::to_string(rate.limit));
  headers.set("ratelimit-remaining", std::to_string(rate.remaining));
  headers.set("ratelimit-reset", std::to_string(seconds));
}

http::Response replayed(const KeptAnswer& answer) {
  auto response = detail::json_response(answer.status, answer.body);
  if (answer.status >= 400) response.headers.set("content-type", "application/problem+json");
  response.headers.set("idempotency-replayed", "true");
  return response;
}

// "/a/b/" and "/a/b" are one path.
std::string repeat_path(const http::Request& request) {
  std::string_view path = request.path;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return fmt::format("{} {}", http::to_string(request.method), path);
}

}  // namespace

Application::Application(Endpoints endpoints, Parts parts, OnServed on_served)
    : endpoints_(std::move(endpoints)), parts_(parts), on_served_(std::move(on_served)) {
  const auto& table = endpoints_.all();
  for (std::size_t i = 0; i < table.size(); ++i) router_.add(table[i].method, table[i].pattern, i);
}

Task<http::Response> Application::handle(http::Request request) const {
  const auto began = parts_.clock.mono();
  Visit visit;
  visit.request_id = request_id_of(request, parts_.random);
  request.request_id = visit.request_id;
  visit.language = http::choose_language(request.headers.find("accept-language").value_or(""));
  visit.match = router_.match(request.method, request.path);

  // The handler gets the request; what finish() and the log need stays here.
  auto body = std::exchange(request.body, {});
  http::Request whole = request;
  whole.body = std::move(body);
  Result<http::Response> outcome = http::Response{};
  try {
    auto serving = serve(std::move(whole), visit);
    outcome = co_await serving;
  } catch (const std::exception& failure) {
    outcome = Error::internal(fmt::format("an exception left a handler: {}", failure.what()));
  }
  std::string log;
  http::Response response;
  if (outcome) {
    response = *std::move(outcome);
  } else {
    response = http::problem(outcome.error(), visit.language, visit.request_id);
    log = outcome.error().log;
  }
  finish(request, visit, response);
  if (on_served_)
    on_served_({request, visit.endpoint != nullptr ? visit.endpoint->pattern : std::string_view(),
                response.status, parts_.clock.mono() - began, visit.principal.user,
                visit.org ? visit.org->org : OrgId(), log});
  co_return response;
}

http::Response Application::refuse(http::Request request, const Error& error) const {
  Visit visit;
  visit.request_id = request_id_of(request, parts_.random);
  request.request_id = visit.request_id;
  visit.language = http::choose_language(request.headers.find("accept-language").value_or(""));
  auto response = http::problem(error, visit.language, visit.request_id);
  finish(request, visit, response);
  if (on_served_) on_served_({request, {}, response.status, Millis(0), {}, {}, error.log});
  return response;
}

Task<Result<http::Response>> Application::serve(http::Request request, Visit& visit) const {
  const auto& match = visit.match;
  if (match.outcome == http::Router::Outcome::not_found)
    co_return Error(ErrorKind::not_found, "There is nothing at this path.");
  if (match.outcome == http::Router::Outcome::wrong_method) {
    if (request.method == http::Method::options)
      co_return http::options_response(parts_.origins, request, match.allowed);
    co_return http::method_not_allowed(match.allowed, visit.language, visit.request_id);
  }
  visit.endpoint = &endpoints_.all()[match.route];
  PathParams params;
  for (std::size_t i = 0; i < match.param_count; ++i)
    params.add(match.params[i].name, std::string(match.params[i].value));
  if (visit.endpoint->raw) {
    auto serving = visit.endpoint->raw(std::move(request), std::move(params));
    co_return co_await serving;
  }
  auto calling = call(std::move(request), *visit.endpoint, std::move(params), visit);
  co_return co_await calling;
}

Task<Result<http::Response>> Application::call(http::Request request, const Endpoint& endpoint,
                                               PathParams params, Visit& visit) const {
  auto admitting = admit(request, endpoint, params, visit);
  INDABA_CO_TRY_VOID(co_await admitting);

  std::string repeat_key;
  const auto caller = idempotency_caller(visit.principal);
  const bool repeatable =
      request.method == http::Method::post && !endpoint.docs.credentials && caller.has_value();
  if (const auto key = request.headers.find("idempotency-key"); key && repeatable)
    repeat_key = *key;

  std::string path = repeat_path(request);
  std::string body = repeat_key.empty() ? std::string() : request.body;
  auto ready =
      endpoint.prepare({visit.principal, visit.org, std::move(params), std::move(request)});
  if (repeat_key.empty()) {
    if (!ready) co_return std::move(ready).error();
    auto running = (*ready)(Once());
    co_return co_await running;
  }
  auto beginning =
      parts_.idempotency.begin(*caller, std::move(path), std::move(repeat_key), std::move(body));
  INDABA_CO_TRY(auto begun, co_await beginning);
  if (begun.replay) co_return replayed(*begun.replay);
  auto running = run_once(std::move(ready), std::move(begun), visit);
  co_return co_await running;
}

Task<Result<void>> Application::admit(const http::Request& request, const Endpoint& endpoint,
                                      const PathParams& params, Visit& visit) const {
  const auto& docs = endpoint.docs;
  auto authenticating = parts_.authenticator.authenticate(request);
  auto principal = co_await authenticating;
  // Who signs in or renews a token may still carry an old one, a browser its old cookie: then it
  // comes as a stranger.
  const bool signs_in = docs.credentials && docs.access == Access::anyone;
  if (!principal && !(signs_in && principal.error().kind == ErrorKind::unauthenticated))
    co_return std::move(principal).error();
  if (principal) visit.principal = *std::move(principal);
  if (visit.principal.is_user())
    if (const auto language = http::language_of(visit.principal.locale); !language.empty())
      visit.language = language;

  INDABA_CO_TRY_VOID(check_identity(docs, visit.principal));
  if (is_of_org(docs.access)) {
    auto asking = parts_.orgs.membership(visit.principal, std::string(params.text("org")));
    INDABA_CO_TRY(visit.org, co_await asking);
    INDABA_CO_TRY_VOID(check_role(docs, visit.principal, *visit.org));
  }
  INDABA_CO_TRY_VOID(check_origin(request, visit.principal, parts_.origins));

  for (const auto& charge : charges_of(docs, request, visit.principal, parts_.limits)) {
    if (!parts_.limiter.enabled() || charge.rule.limit <= 0) continue;
    const auto rate = parts_.limiter.take(charge.key, charge.rule);
    if (!visit.rate || !rate.allowed || rate.remaining < visit.rate->remaining) visit.rate = rate;
    if (rate.allowed) continue;
    co_return Error::rate_limited("Too many requests; wait a little.", rate.limit, rate.reset);
  }
  co_return Result<void>();
}

// Runs the handler, and keeps what it answered, errors of the caller too, and of what could not be
// read as well. An answer that cannot be kept is given all the same: its change stands.
Task<Result<http::Response>> Application::run_once(Result<Endpoint::Ready> ready,
                                                   Idempotency::Begun begun,
                                                   const Visit& visit) const {
  Result<http::Response> outcome = http::Response{};
  if (ready) {
    auto running = (*ready)(begun.once);
    outcome = co_await running;
  } else {
    outcome = std::move(ready).error();
  }
  KeptAnswer answer;
  if (outcome) {
    answer = {outcome->status, outcome->body};
  } else {
    auto refused = http::problem(outcome.error(), visit.language, visit.request_id);
    answer = {refused.status, std::move(refused.body)};
  }
  auto keeping = parts_.idempotency.keep_if_absent(begun.once, std::move(answer));
  [[maybe_unused]] const auto kept = co_await keeping;
  co_return outcome;
}

void Application::finish(const http::Request& request, const Visit& visit,
                         http::Response& response) const {
  auto& headers = response.headers;
  headers.set("x-request-id", visit.request_id);
  if (response.status == 101) return;  // another protocol's now
  // What a handler refused was refused by a limit of its own, whose figures its answer has.
  const bool other_limit = response.status == 429 && visit.rate && visit.rate->allowed;
  if (visit.rate && !other_limit) add_rate_headers(*visit.rate, headers);
  if (!headers.find("access-control-allow-origin") && request.method != http::Method::options)
    http::add_cors_headers(parts_.origins, request.headers, response);
  set_unless_there(headers, "x-content-type-options", "nosniff");
  set_unless_there(headers, "referrer-policy", "same-origin");
  set_unless_there(headers, "content-security-policy", kApiPolicy);
  if (headers.find("content-type").value_or("").starts_with("application/json"))
    set_unless_there(headers, "cache-control", "no-store");
  if (request.secure) set_unless_there(headers, "strict-transport-security", kOneYear);
  http::gzip_if_accepted(request.headers, response);
}

}  // namespace indaba::api
