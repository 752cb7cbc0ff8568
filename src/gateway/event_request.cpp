#include "gateway/event_request.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace indaba::gateway {

namespace {

struct NamedStart {
  std::string name;
  stream::Start start;
};

// "me" or "me@12" or "me@12:epoch"
Result<NamedStart> parse_stream(const std::string& text) {
  const auto at = text.find('@');
  NamedStart named{text.substr(0, at), {}};
  while (!named.name.empty() && named.name.back() == '/') named.name.pop_back();
  if (named.name.empty()) return Error(ErrorKind::malformed, "A stream has a name.");
  if (at == std::string::npos) return named;
  const auto position = text.substr(at + 1);
  const auto colon = position.find(':');
  const auto seq = text::parse_int64(position.substr(0, colon));
  if (!seq || *seq < 0 || *seq > kMaxSeq.value)
    return Error(ErrorKind::malformed, "A stream's start is written name@seq:epoch.");
  named.start.since = Seq(*seq);
  if (colon != std::string::npos) named.start.epoch = position.substr(colon + 1);
  return named;
}

Result<std::vector<NamedStart>> read_starts(const EventsQuery& query) {
  if (query.stream.empty())
    return Error::invalid_field("stream", "Name at least one stream.", "missing_field");
  if (query.stream.size() > kMaxStreamsARequest)
    return Error::invalid_field("stream", "At most 32 streams can be followed at once.");
  if ((query.since || query.epoch || query.last) && query.stream.size() > 1)
    return Error(ErrorKind::malformed,
                 "With several streams each has its own start: stream=name@seq:epoch.");
  std::vector<NamedStart> starts;
  for (const auto& text : query.stream) {
    INDABA_TRY(auto named, parse_stream(text));
    const bool twice = std::any_of(starts.begin(), starts.end(),
                                   [&](const auto& s) { return s.name == named.name; });
    if (twice) return Error::invalid_field("stream", "The same stream is named twice.");
    starts.push_back(std::move(named));
  }
  auto& first = starts.front().start;
  if (query.since) first.since = Seq(static_cast<std::int64_t>(*query.since));
  if (query.epoch) first.epoch = std::string(*query.epoch);
  if (query.last) first.last = static_cast<std::uint32_t>(static_cast<std::int64_t>(*query.last));
  return starts;
}

// By its id; where no stream that is asked for has that one, by its name: it was made anew, and the
// reader learns so by the epoch.
bool fits(const Position& position, const api::ResolvedStream& stream,
          const std::vector<WantedStream>& wanted) {
  const bool known = position.id && std::ranges::any_of(wanted, [&](const auto& w) {
                       return w.resolved.id == position.id;
                     });
  return known ? position.id == stream.id : position.stream == stream.name;
}

// A cursor resumes all streams of the request at once, and wins over positions in the URL. Where
// one stream is asked for by two names, each name has a position of its own.
Result<void> apply_cursor(const std::vector<Position>& positions,
                          std::vector<WantedStream>& wanted) {
  for (const auto& position : positions)
    if (std::ranges::none_of(wanted,
                             [&](const auto& w) { return fits(position, w.resolved, wanted); }))
      return Error(ErrorKind::malformed, "The cursor belongs to a request for other streams.");
  for (auto& [resolved, start] : wanted) {
    const Position* best = nullptr;
    for (const auto& position : positions) {
      if (!fits(position, resolved, wanted)) continue;
      const bool by_name = position.stream == resolved.name;
      if (best == nullptr || by_name || position.seq < best->seq) best = &position;
      if (by_name) break;
    }
    if (best != nullptr) start = {best->seq, best->epoch, 0};
  }
  return {};
}

}  // namespace

Task<Result<std::shared_ptr<EventRequest>>> read_event_request(
    Gateway& gateway, api::Call<api::Nothing, EventsQuery> call) {
  INDABA_CO_TRY(auto starts, read_starts(call.query));
  std::string cursor;
  if (const auto last_id = call.request.headers.find("last-event-id"); last_id && !last_id->empty())
    cursor = *last_id;
  else if (call.query.cursor)
    cursor = std::string(*call.query.cursor);
  std::vector<Position> positions;
  if (!cursor.empty()) {
    INDABA_CO_TRY(positions, gateway.parts.cursors.open(cursor));
  }
  if (gateway.draining()) co_return Error(ErrorKind::unavailable, "The server is going down.");

  auto wanted = std::make_shared<EventRequest>();
  switch (gateway.limits.take(call.request.client_address, wanted->place)) {
    case ConnectionLimits::Refusal::address:
      co_return gateway.limits.too_many_of_address();
    case ConnectionLimits::Refusal::full:
      co_return Error(ErrorKind::unavailable, "The server is full.");
    case ConnectionLimits::Refusal::none:
      break;
  }
  wanted->principal = call.principal;
  if (wanted->principal.is_user() &&
      !gateway.limits.take_user(wanted->principal.user, wanted->place))
    co_return gateway.limits.too_many_of_user();
  wanted->access = std::make_shared<PendingAccess>(gateway.here());
  for (auto& [name, start] : starts) {
    auto resolving = gateway.parts.names.resolve(wanted->principal, name);
    auto resolved = co_await resolving;
    if (!resolved) co_return resolved.error();
    wanted->streams.push_back({*std::move(resolved), std::move(start)});
  }
  INDABA_CO_TRY_VOID(apply_cursor(positions, wanted->streams));
  co_return wanted;
}

}  // namespace indaba::gateway
