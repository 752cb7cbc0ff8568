#include "bench/plan.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace indaba::bench {

namespace {

// Of the 28,232 that Linux gives a source address for one destination.
constexpr std::size_t kPortsOfASource = 25'000;
constexpr std::size_t kMostConnections = 10'000'000;

Error wrong(std::string sentence) {
  return Error(ErrorKind::invalid, std::move(sentence));
}

bool has_readers(Mode mode) {
  return mode != Mode::echo && mode != Mode::publish;
}

bool has_senders(Mode mode) {
  return mode != Mode::idle && mode != Mode::storm;
}

Result<void> check_numbers(const Options& options) {
  if (options.connections < 1 || options.connections > kMostConnections)
    return wrong("--connections must be between 1 and 10,000,000");
  if (options.processes < 1 || options.processes > kMostProcesses)
    return wrong("--processes must be between 1 and 64");
  if (options.sources > 250) return wrong("--sources must be at most 250");
  if (options.publishers < 1 || options.publishers > kMostPublishers)
    return wrong("--publishers must be between 1 and 64");
  if (options.payload > 1'000'000) return wrong("--payload must be at most 1,000,000");
  if (options.window > 65'536) return wrong("--window must be at most 65,536");
  if (!(options.seconds > 0)) return wrong("--seconds must be above 0");
  if (!(options.warm_up >= 0)) return wrong("--warm-up must not be below 0");
  if (!(options.timeout > 0)) return wrong("--timeout must be above 0");
  if (!(options.rate >= 0)) return wrong("--rate must not be below 0");
  if (options.rate > 0 && options.window > 0)
    return wrong("--rate and --window exclude each other: an open loop does not wait");
  if (options.mode == Mode::reconnect && options.rate > 0)
    return wrong("reconnect knows no --rate: everyone comes back at once");
  if (options.mode == Mode::reconnect && options.missed < 1)
    return wrong("--missed must be at least 1");
  return {};
}

// Fills in what belongs to an Indaba stream, where the command line does not say it itself.
void fill_preset(Options& options, Url& url, Url& publish_url) {
  const auto& name = options.stream;
  const auto set = [](std::string& value, std::string preset) {
    if (value.empty()) value = std::move(preset);
  };
  const bool reads = has_readers(options.mode);
  auto& senders = reads ? publish_url : url;
  // "/ws" names the server's socket, and no stream.
  if (reads && (url.target == "/" || url.target == "/ws" || url.target == "/ws/"))
    url.target = url.websocket ? fmt::format("/ws/{}/?welcome=0", name)
                               : fmt::format("/api/v1/events?stream={}", name);
  if (senders.target == "/" || senders.target == url.target)
    senders.target = senders.websocket ? "/ws?welcome=0" : fmt::format("/api/v1/{}/events", name);
  if (reads) {
    set(options.await, url.websocket ? "\"subscribed\"" : "subscribed");
    options.seq = true;
  }
  if (options.mode == Mode::publish) {
    set(options.publish, senders.websocket
                             ? fmt::format(R"({{"type":"publish","stream":"{}","event":"tick",)"
                                           R"("dedupe_key":"{{uuid}}","data":{{event}}}})",
                                           name)
                             : R"([{"type":"tick","dedupe_key":"{uuid}","data":{event}}])");
  } else {
    set(options.publish, senders.websocket
                             ? fmt::format(R"({{"type":"publish","stream":"{}","event":"tick",)"
                                           R"("data":{{event}}}})",
                                           name)
                             : R"([{"type":"tick","data":{event}}])");
  }
  if (options.mode != Mode::fanout) set(options.publish_await, "\"published\"");
}

Result<void> check_meaning(const Options& options, const Url& url) {
  if (options.mode == Mode::reconnect && options.stream.empty())
    return wrong("reconnect needs --stream: it comes back with `since`");
  if (options.mode == Mode::echo && !url.websocket) return wrong("echo needs a ws:// URL");
  if (has_senders(options.mode) && options.mode != Mode::echo && options.publish.empty())
    return wrong(fmt::format("{} needs --publish TEMPLATE, or --stream", name_of(options.mode)));
  if (options.mode == Mode::publish && url.websocket && options.publish_await.empty())
    return wrong("publish needs --publish-await TEXT (what an answer contains), or --stream");
  return {};
}

std::size_t sources_for(const Options& options, const Endpoint& endpoint) {
  if (!endpoint.address.is_loopback_v4()) return 1;
  if (options.sources > 0) return options.sources;
  return std::min<std::size_t>(250, (options.connections + kPortsOfASource - 1) / kPortsOfASource);
}

Result<Role> reader_role(const Options& options, Url url) {
  const auto protocol = url.websocket ? Protocol::websocket : Protocol::event_stream;
  Role role;
  INDABA_TRY(role.endpoint, Endpoint::make(protocol, std::move(url), options.headers, options.token,
                                           options.compress));
  role.endpoint.sources = sources_for(options, role.endpoint);
  role.count = options.connections;
  role.sends = options.sends;
  role.await = options.await;
  return role;
}

Result<Role> sender_role(const Options& options, Url url) {
  const bool beside_readers = has_readers(options.mode);
  const auto& headers = options.publish_headers.empty() ? options.headers : options.publish_headers;
  const auto protocol = url.websocket ? Protocol::websocket : Protocol::http_post;
  Role role;
  INDABA_TRY(role.endpoint, Endpoint::make(protocol, std::move(url), headers, options.token,
                                           options.compress && !beside_readers));
  role.endpoint.sources = beside_readers ? 1 : sources_for(options, role.endpoint);
  role.count = beside_readers ? options.publishers : options.connections;
  role.sends = beside_readers ? options.publish_sends : options.sends;
  role.await = beside_readers && options.mode == Mode::fanout ? options.publish_await
               : beside_readers                               ? std::string()
                                                              : options.await;
  return role;
}

std::size_t share_of(std::size_t total, std::size_t process, std::size_t processes) {
  return total / processes + (process < total % processes ? 1 : 0);
}

}  // namespace

std::string_view name_of(Mode mode) noexcept {
  constexpr std::array<std::string_view, 6> kNames{"fanout", "idle",    "storm",
                                                   "echo",   "publish", "reconnect"};
  return kNames[static_cast<std::size_t>(mode)];
}

std::size_t Plan::readers_of(std::size_t process) const noexcept {
  return readers ? share_of(readers->count, process, options.processes) : 0;
}

std::size_t Plan::senders_of(std::size_t process) const noexcept {
  if (!senders) return 0;
  if (senders_together()) return process == 0 ? senders->count : 0;
  return share_of(senders->count, process, options.processes);
}

std::size_t Plan::connections() const noexcept {
  return (readers ? readers->count : 0) + (senders ? senders->count : 0);
}

Result<Plan> make_plan(Options options) {
  INDABA_TRY_VOID(check_numbers(options));
  INDABA_TRY(auto url, parse_url(options.url));
  auto publish_url = url;
  if (!options.publish_url.empty()) {
    INDABA_TRY(publish_url, parse_url(options.publish_url));
  }
  if (!options.stream.empty()) fill_preset(options, url, publish_url);
  INDABA_TRY_VOID(check_meaning(options, url));

  Plan plan;
  plan.open_loop = options.rate > 0;
  plan.window = std::max<std::size_t>(options.window, 1);
  if (has_senders(options.mode)) {
    const auto text = options.publish.empty() ? "{event}" : options.publish;
    INDABA_TRY(plan.event, EventTemplate::parse(text, options.payload));
    INDABA_TRY(plan.senders, sender_role(options, has_readers(options.mode) ? publish_url : url));
    const bool fans_out = options.mode == Mode::fanout;
    plan.answer_text = fans_out ? options.publish_answer : options.publish_await;
    plan.answer = options.mode == Mode::echo             ? Answer::same_event
                  : fans_out && plan.answer_text.empty() ? Answer::none
                                                         : Answer::text;
  }
  if (has_readers(options.mode)) {
    INDABA_TRY(plan.readers, reader_role(options, url));
  }
  options.processes = std::min(options.processes, options.connections);
  plan.options = std::move(options);
  return plan;
}

}  // namespace indaba::bench
