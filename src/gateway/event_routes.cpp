#include "gateway/event_routes.hpp"

#include "gateway/event_poll.hpp"
#include "gateway/event_request.hpp"
#include "gateway/sse_stream.hpp"

namespace indaba::gateway {

namespace {

constexpr std::size_t kDefaultLimit = 100;

bool wants_event_stream(const http::Request& request) {
  const auto accept = request.headers.find("accept");
  return accept && accept->find("text/event-stream") != std::string_view::npos;
}

http::Response event_stream(Gateway& gateway, std::shared_ptr<EventRequest> wanted) {
  auto& context = gateway.here();
  http::Response response;
  response.headers.set("content-type", "text/event-stream; charset=utf-8");
  response.headers.set("cache-control", "no-store");
  response.headers.set("x-accel-buffering", "no");
  response.take_over = [&gateway, &context, wanted](net::Connection* connection) {
    auto protocol = std::make_unique<SseStream>(gateway, context, *connection, *wanted);
    auto& begun = *protocol;
    connection->set_protocol(std::move(protocol));
    begun.begin(*wanted);
  };
  return response;
}

Task<Result<http::Response>> events(Gateway& gateway, api::Call<api::Nothing, EventsQuery> call) {
  const bool stream = wants_event_stream(call.request);
  const auto limit = call.query.limit
                         ? static_cast<std::size_t>(static_cast<std::int64_t>(*call.query.limit))
                         : kDefaultLimit;
  const std::chrono::seconds wait(call.query.wait ? static_cast<std::int64_t>(*call.query.wait)
                                                  : 0);
  auto reading = read_event_request(gateway, std::move(call));
  auto wanted = co_await reading;
  if (!wanted) co_return wanted.error();
  if (stream) co_return event_stream(gateway, *std::move(wanted));
  const auto poll = std::make_shared<EventPoll>(gateway, *std::move(wanted), limit, wait);
  auto polling = poll->run();
  auto page = co_await polling;
  if (!page) co_return page.error();
  http::Response response;
  response.headers.set("content-type", "application/json");
  response.headers.set("cache-control", "no-store");
  response.body = *std::move(page);
  co_return response;
}

}  // namespace

void add_event_routes(api::Endpoints& endpoints, Gateway& gateway) {
  endpoints.get_response<EventsQuery>(
      "/api/v1/events",
      {.summary = "Events of one or several streams",
       .description = "With `Accept: text/event-stream` a stream of server-sent events; otherwise "
                      "a page, which with `wait` is held "
                      "until there is something to say.",
       .tag = "events",
       .access = api::Access::user,
       .scope = "read",
       .limit = api::Limit::none},
      [&gateway](api::Call<api::Nothing, EventsQuery> call) {
        return events(gateway, std::move(call));
      });
}

}  // namespace indaba::gateway
