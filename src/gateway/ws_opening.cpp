#include "gateway/ws_opening.hpp"

#include "base/text.hpp"
#include "gateway/pending_access.hpp"
#include "gateway/ws_protocol.hpp"
#include "http/problem.hpp"
#include "ws/handshake.hpp"

#include <algorithm>
#include <set>

namespace indaba::gateway {

namespace {

constexpr std::size_t kMaxSessionUuid = 64;
constexpr Millis kSecond{1'000};

bool is_session_uuid(std::string_view id) {
  return !id.empty() && id.size() <= kMaxSessionUuid &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

// How a refusal is told on a socket that was never joined.
ws::CloseCode close_code_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::unauthenticated:
      return ws::CloseCode::unauthenticated;
    case ErrorKind::forbidden:
    case ErrorKind::not_found:
      return ws::CloseCode::not_found;
    case ErrorKind::rate_limited:
      return ws::CloseCode::too_many;
    default:
      return ws::CloseCode::internal_error;
  }
}

// The snapshot of a session that is still open, from its own loop, as it is closed there in favour
// of the newer connection.
struct TakeOver {
  OpenSessions::Open open;
  std::optional<SavedSession> saved;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    auto* here = Executor::current();
    open.executor->post([this, awaiting, here] {
      if (const auto session = open.session.lock(); session && !session->closed()) {
        saved = session->snapshot();
        session->close(ws::CloseCode::replaced, "The session was resumed elsewhere.");
      }
      here->post([awaiting] { awaiting.resume(); });
    });
  }
  std::optional<SavedSession> await_resume() { return std::move(saved); }
};

}  // namespace

struct WsOpening::Asked {
  stream::Start start;
  std::string session_uuid;
  bool welcome = true;
};

void WsOpening::add_to(api::Endpoints& endpoints) {
  const api::Docs docs{
      .summary = "Open a WebSocket", .access = api::Access::anyone, .hidden = true};
  for (const char* pattern : {"/ws", "/ws/{stream*}"})
    endpoints.raw(http::Method::get, pattern, docs,
                  [this](http::Request request, api::PathParams path) {
                    return open(std::move(request), std::move(path));
                  });
}

bool WsOpening::origin_allowed(const http::Request& request) const {
  // A program names none: it has no ambient cookie that a page could abuse… unless it sends one.
  return !request.headers.find("origin") || gateway_.parts.origins.allows_request(request.headers);
}

Result<WsOpening::Asked> WsOpening::read_query(const http::Request& request) const {
  const auto pairs = http::parse_query(request.query);
  if (!pairs) return Error(ErrorKind::malformed, "The query string is not properly encoded.");
  const auto wrong = [](const std::string& name) {
    return Error(ErrorKind::malformed, "The parameter '" + name + "' is not valid.");
  };
  Asked asked;
  std::set<std::string_view> seen;
  for (const auto& [name, value] : *pairs) {
    if (!seen.insert(name).second)
      return Error(ErrorKind::malformed, "The parameter '" + name + "' is given twice.");
    if (name == "since") {
      const auto seq = text::parse_int64(value);
      if (!seq || *seq < 0 || *seq > kMaxSeq.value) return wrong(name);
      asked.start.since = Seq(*seq);
    } else if (name == "epoch") {
      if (value.size() > 64) return wrong(name);
      asked.start.epoch = value;
    } else if (name == "last") {
      const auto last = text::parse_int64(value);
      if (!last || *last < 0 || *last > 500) return wrong(name);
      asked.start.last = static_cast<std::uint32_t>(*last);
    } else if (name == "session_uuid") {
      if (!is_session_uuid(value)) return wrong(name);
      asked.session_uuid = value;
    } else if (name == "welcome") {
      if (value != "0" && value != "1") return wrong(name);
      asked.welcome = value == "1";
    } else if (name != "token") {
      return wrong(name);
    }
  }
  return asked;
}

http::Response WsOpening::refuse_http(int status, std::string_view reason,
                                      std::string detail) const {
  gateway_.stats.rejected.add(reason);
  http::Response response;
  response.status = status;
  response.close = true;
  response.headers.set("content-type", "text/plain; charset=utf-8");
  if (status == 429 || status == 503)
    response.headers.set("retry-after", status == 429 ? "30" : "5");
  if (status == 401) response.headers.set("www-authenticate", "Bearer realm=\"api\"");
  response.body = std::move(detail) + "\n";
  return response;
}

http::Response WsOpening::refuse_limited(std::string_view reason, const Error& error) const {
  auto response = refuse_http(429, reason, error.detail);
  const auto told = http::problem(error, "en", {});
  for (const auto* name :
       {"retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"})
    if (const auto value = told.headers.find(name)) response.headers.set(name, *value);
  return response;
}

Task<std::optional<SavedSession>> WsOpening::find_saved(UserId user, std::string uuid) {
  if (auto open = gateway_.open_sessions.find(user, uuid)) {
    TakeOver take_over{*std::move(open), {}};
    auto saved = co_await take_over;
    if (saved) co_return saved;
  }
  std::optional<SavedSession> elsewhere;
  if (gateway_.exchange) {
    auto asking = gateway_.exchange->ask(user, uuid);
    elsewhere = co_await asking;
  }
  if (elsewhere)
    co_return newer(gateway_.parts.resume.remembered(user, uuid), std::move(elsewhere));
  auto finding = gateway_.parts.resume.find(user, std::move(uuid));
  co_return co_await finding;
}

Task<void> WsOpening::resume(Opening& opening) {
  auto finding = find_saved(opening.principal.user, opening.session_uuid);
  opening.saved = co_await finding;
  if (opening.saved && opening.saved->withdrawn) {
    opening.saved.reset();
    opening.anew = true;
  }
  if (!opening.saved || !opening.url_stream) co_return;
  const auto& known = opening.saved->positions;
  if (std::ranges::any_of(known, [&](const auto& p) { return p.is_of(*opening.url_stream); }))
    co_return;
  auto withdrawing = gateway_.parts.resume.withdraw(opening.principal.user, opening.session_uuid,
                                                    opening.saved->count);
  co_await withdrawing;
  opening.withdrawn = true;
}

Task<Result<void>> WsOpening::admit(const http::Request& request, std::string stream_name,
                                    Opening& opening) {
  auto authenticating = gateway_.parts.authenticator.authenticate_socket(request);
  auto principal = co_await authenticating;
  if (!principal) co_return principal.error();
  opening.principal = *std::move(principal);
  // A browser sends the cookie whoever's page asks: only an origin tells that the page is ours.
  if (opening.principal.credential == auth::CredentialKind::session_cookie &&
      !request.headers.find("origin"))
    co_return Error(ErrorKind::forbidden, "origin",
                    "A socket that is opened with a cookie names its origin.");
  const bool open_counter = opening.counter && gateway_.here().settings.anonymous_counter;
  if (!opening.principal.is_known() && !open_counter)
    co_return Error(ErrorKind::unauthenticated, "Authentication credentials were not provided.");
  if (opening.principal.is_user() &&
      !gateway_.limits.take_user(opening.principal.user, opening.place))
    co_return gateway_.limits.too_many_of_user();
  if (stream_name.empty()) co_return Result<void>();
  auto resolving = gateway_.parts.names.resolve(opening.principal, std::move(stream_name));
  auto resolved = co_await resolving;
  if (!resolved) co_return resolved.error();
  opening.url_stream = *std::move(resolved);
  co_return Result<void>();
}

Task<http::Response> WsOpening::open(http::Request request, api::PathParams path) {
  auto& context = gateway_.here();
  const auto& settings = context.settings;
  if (gateway_.draining()) co_return refuse_http(503, "draining", "The server is going down.");
  const auto upgrade = ws::check_upgrade(request, {.compression = settings.compression});
  if (const auto* refused = std::get_if<ws::RefusedUpgrade>(&upgrade)) {
    auto response = refuse_http(refused->status, "not_an_upgrade", std::string(refused->detail));
    ws::apply_refusal(*refused, response);
    co_return response;
  }
  const auto rate =
      gateway_.parts.limiter.take("handshake:" + api::rate_key_of_address(request.client_address),
                                  {gateway_.parts.rates.handshakes, kSecond});
  if (!rate.allowed) {
    co_return refuse_limited("handshake_rate",
                             Error::rate_limited("Too many connections a second from this address.",
                                                 rate.limit, rate.reset));
  }
  if (!origin_allowed(request)) co_return refuse_http(403, "origin", "This origin is not allowed.");
  auto asked = read_query(request);
  if (!asked) co_return refuse_http(400, "bad_query", asked.error().detail);

  auto opening = std::make_shared<Opening>();
  switch (gateway_.limits.take(request.client_address, opening->place)) {
    case ConnectionLimits::Refusal::address:
      co_return refuse_limited("address_limit", gateway_.limits.too_many_of_address());
    case ConnectionLimits::Refusal::full:
      co_return refuse_http(503, "full", "The server is full.");
    case ConnectionLimits::Refusal::none:
      break;
  }
  const auto access = std::make_shared<PendingAccess>(context);
  std::string stream_name(path.text("stream"));
  while (!stream_name.empty() && stream_name.back() == '/') stream_name.pop_back();
  opening->counter = stream_name == "chat";
  if (opening->counter) stream_name.clear();
  opening->start = std::move(asked->start);
  opening->welcome = asked->welcome;
  opening->client_address = request.client_address;
  opening->connection_id = ConnectionId(gateway_.parts.random);

  auto admitting = admit(request, std::move(stream_name), *opening);
  const auto admitted = co_await admitting;
  const auto accepted = std::get<ws::AcceptedUpgrade>(upgrade);
  http::Headers extra;
  extra.set("x-request-id", request.request_id);
  const net::Frame head = net::Frame::of(ws::render_upgrade(accepted, extra));
  http::Response response;
  response.status = 101;
  if (!admitted) {
    const auto code = close_code_of(admitted.error());
    const std::string detail = admitted.error().detail;
    if (admitted.error().code == "origin") co_return refuse_http(403, "origin", detail);
    if (settings.refuse_with_http) {
      const int status = http::status_of(admitted.error().kind);
      if (status == 429) co_return refuse_limited(ws::slug(code), admitted.error());
      co_return refuse_http(status, ws::slug(code), detail);
    }
    gateway_.stats.rejected.add(ws::slug(code));
    response.take_over = [head, code, detail](net::Connection* connection) {
      connection->send(head);
      WsProtocol::refuse(*connection, code, detail);
    };
    co_return response;
  }
  opening->session_uuid =
      asked->session_uuid.empty() ? gateway_.new_session_uuid() : asked->session_uuid;
  if (!asked->session_uuid.empty()) {
    auto resuming = resume(*opening);
    co_await resuming;
  }
  response.take_over = [this, &context, head, opening, access,
                        deflate = accepted.deflate.has_value()](net::Connection* connection) {
    connection->send(head);
    auto protocol = std::make_unique<WsProtocol>(gateway_, context, *connection, deflate);
    auto& begun = *protocol;
    connection->set_protocol(std::move(protocol));
    begun.begin(std::move(*opening), access->missed());
  };
  co_return response;
}

}  // namespace indaba::gateway
