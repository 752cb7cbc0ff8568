// What happens to a request before and after the API: health, draining, the Host check, the web
// client, counting and logging.
#include "app/node.hpp"
#include "http/gzip.hpp"
#include "http/problem.hpp"

#include <algorithm>

namespace indaba::app {

namespace {

bool is_get(const http::Request& request) {
  return request.method == http::Method::get || request.method == http::Method::head;
}

// What the web client's answer depends on; the request itself goes to the API first.
http::Request outline(const http::Request& request) {
  http::Request copy;
  copy.method = request.method;
  copy.target = request.target;
  copy.path = request.path;
  for (const auto* name : {"accept-encoding", "if-none-match"})
    if (const auto value = request.headers.find(name)) copy.headers.set(name, *value);
  return copy;
}

// One more request is under way, until this goes.
std::shared_ptr<void> counted(std::atomic<int>& count) {
  count.fetch_add(1, std::memory_order_relaxed);
  return {&count, [](void* of) {
            static_cast<std::atomic<int>*>(of)->fetch_sub(1, std::memory_order_relaxed);
          }};
}

}  // namespace

Task<http::Response> Node::handle(http::Request request) {
  auto under_way = counted(requests_in_flight_);
  auto answering = answer(std::move(request));
  http::Response response = co_await answering;
  if (health_.draining()) response.close = true;
  // A download is under way until its last piece is sent, or its connection is gone.
  if (response.pieces)
    response.pieces->next = [next = std::move(response.pieces->next),
                             under_way = std::move(under_way)]() mutable { return next(); };
  co_return response;
}

http::Response Node::refuse_unreadable(int status, std::string_view sentence) {
  metrics_.count_request({}, http::Method::get, status, Millis(0));
  return http::unreadable(status, sentence, gateway_.new_id(16));
}

bool Node::host_allowed(const http::Request& request) const {
  const auto& allowed = settings_.server.allowed_hosts;
  if (allowed.empty()) return true;
  std::string_view host = request.headers.find("host").value_or("");
  if (const auto colon = host.rfind(':');
      colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos)
    host = host.substr(0, colon);
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& name) {
    if (name == "*" || name == host) return true;
    return name.starts_with('.') &&
           (host.ends_with(name) || host == std::string_view(name).substr(1));
  });
}

std::optional<http::Response> Node::answer_health(std::string_view path) {
  if (path == "/healthz" || path == "/livez") return health_.live();
  if (path == "/readyz" || path == "/health") return health_.ready();
  if (path == "/status") return health_.status();
  return std::nullopt;
}

http::Response Node::figures_as_text(const http::Request& request) const {
  http::Response response;
  response.headers.set("content-type", "text/plain; version=0.0.4; charset=utf-8");
  response.headers.set("cache-control", "no-store");
  response.body = metrics_.text();
  http::gzip_if_accepted(request.headers, response);
  return response;
}

// The port of metrics.listen: what an operator's machines ask, and nothing else.
Task<http::Response> Node::answer_metrics(http::Request request) {
  if (is_get(request)) {
    if (auto health = answer_health(request.path)) co_return *std::move(health);
    if (request.path == "/metrics") co_return figures_as_text(request);
  }
  co_return application_->refuse(std::move(request),
                                 Error(ErrorKind::not_found, "There is nothing at this path."));
}

Task<http::Response> Node::answer(http::Request request) {
  const std::string path = request.path.size() > 1 && request.path.ends_with('/')
                               ? request.path.substr(0, request.path.size() - 1)
                               : request.path;
  if (is_get(request)) {
    if (auto health = answer_health(path)) co_return *std::move(health);
    if (path == "/metrics" && !settings_.metrics.listen) co_return figures_as_text(request);
  }
  if (health_.draining()) {
    Error draining(ErrorKind::unavailable, "The server is going down.");
    draining.retry_after = std::chrono::seconds(2);
    auto response = application_->refuse(std::move(request), draining);
    response.close = true;
    co_return response;
  }
  if (!host_allowed(request))
    co_return application_->refuse(
        std::move(request), Error(ErrorKind::malformed, "This server does not serve that host."));
  const bool page = is_get(request) && !path.starts_with("/api") && !path.starts_with("/ws");
  const auto page_request = page ? outline(request) : http::Request{};
  auto serving = application_->handle(std::move(request));
  auto response = co_await serving;
  if (page && response.status == 404) {
    if (auto file = static_files_.respond(page_request)) co_return *std::move(file);
  }
  co_return response;
}

Task<Result<account::UnreadCounts>> Node::unread_of(api::Membership org, UserId user) {
  auto counting = notifications_.summary(org, user);
  const auto summary = co_await counting;
  if (!summary) co_return summary.error();
  account::UnreadCounts counts;
  counts.notifications = {
      .unread = summary->unread, .last_read_seq = summary->last_read_seq, .head = summary->head};
  auto listing = chat_.unread(std::move(org), user);
  const auto rooms = co_await listing;
  if (!rooms) co_return rooms.error();
  for (const auto& room : *rooms)
    counts.rooms.push_back(
        {room.room_id.value, room.slug, room.unread, room.last_read_seq, room.head});
  co_return counts;
}

Task<Result<std::vector<account::UnreadConversation>>> Node::unread_conversations_of(UserId user) {
  auto listing = chat_.unread_conversations(user);
  const auto found = co_await listing;
  if (!found) co_return found.error();
  std::vector<account::UnreadConversation> conversations;
  for (const auto& one : *found)
    conversations.push_back(
        {{one.user.id, one.user.username}, one.unread, one.last_read_seq, one.head});
  co_return conversations;
}

void Node::on_served(const api::Served& served) {
  metrics_.count_request(served.route, served.request.method, served.status, served.duration);
  const bool failed = served.status >= 500;
  const auto level = failed ? LogLevel::error : LogLevel::info;
  if (!log_.enabled(level)) return;
  log_.log(level, "http", failed ? "request failed" : "request served",
           {{"request_id", served.request.request_id},
            {"method", http::to_string(served.request.method)},
            {"route", served.route},
            {"status", served.status},
            {"duration_ms", served.duration},
            {"user_id", served.user},
            {"org_id", served.org},
            {"reason", served.log}});
}

}  // namespace indaba::app
