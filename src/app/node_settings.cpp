// From the configuration's sections to the settings that the parts of a node read.
#include "app/node.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace indaba::app {

namespace {

// Descriptors that are no connections: database, loops, listeners, logs, and some air.
constexpr std::int64_t kReservedDescriptors = 200;

// As many connections as the process may hold descriptors; the soft limit is raised to the hard one
// first.
std::int64_t descriptor_budget() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1'000;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto descriptors = static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, 1'000'000));
  return std::max<std::int64_t>(descriptors - kReservedDescriptors, descriptors / 2);
}

void apply_limits(const LimitsConfig& limits, gateway::SocketSettings& out) {
  out.connections.enabled = limits.rates_enabled;
  out.connections.per_user = static_cast<int>(limits.connections_per_user);
  out.connections.per_address = static_cast<int>(limits.connections_per_address);
  out.connections.total = static_cast<int>(limits.connections_total > 0 ? limits.connections_total
                                                                        : descriptor_budget());
  out.reader.max_frame_bytes = static_cast<std::size_t>(limits.frame_bytes);
  out.reader.max_message_bytes = static_cast<std::size_t>(limits.frame_bytes);
  out.subscriptions = static_cast<std::size_t>(limits.subscriptions);
  out.outbox_bytes = static_cast<std::size_t>(limits.outbox_bytes);
  out.frames_per_second = static_cast<int>(limits.frames_per_second);
  out.typing_per_second = static_cast<int>(limits.typing_per_second);
  out.message_chars = static_cast<int>(limits.message_chars);
  out.messages_per_minute = static_cast<int>(limits.messages_per_minute);
  out.rate_limits = limits.rates_enabled;
}

gateway::SocketSettings socket_settings(const Config& config, const NodeSettings& s) {
  const auto socket = socket_config(config);
  gateway::SocketSettings out;
  apply_limits(s.limits, out);
  out.heartbeat = socket.heartbeat;
  out.pong_timeout = socket.pong_timeout;
  out.stall_timeout = socket.stall_timeout;
  out.session_ttl = s.streams.session_ttl;
  out.compression = socket.compression;
  out.anonymous_counter = s.auth.anonymous_counter;
  out.refuse_with_http = socket.refuse_with_http;
  return out;
}

}  // namespace

Result<NodeSettings> node_settings(const Config& config, std::uint16_t bound_port) {
  NodeSettings s;
  s.server = server_config(config);
  s.tls = tls_config(config);
  s.data = data_config(config);
  s.redis = redis_config(config);
  s.auth = auth_config(config);
  s.streams = streams_config(config);
  s.limits = limits_config(config);
  s.metrics = metrics_config(config);
  s.smtp = smtp_config(config);
  s.archive = archive_config(config);
  INDABA_TRY(s.jobs, jobs_config(config));
  s.public_url = s.server.url_for(bound_port);
  s.origins = s.server.origins_for(bound_port);
  s.sockets = socket_settings(config, s);
  s.http.parser.body_bytes = static_cast<std::size_t>(s.limits.body_bytes);
  INDABA_TRY(s.http.proxies, http::TrustedProxies::parse(s.server.trusted_proxies));
  s.retention.by_kind = {{"notifications", s.streams.retention_notifications},
                         {"topic", s.streams.retention_topics},
                         {"me", s.streams.retention_me}};
  return s;
}

NodeSettings reloaded(const NodeSettings& started, const Config& config, std::uint16_t bound_port) {
  NodeSettings s = started;
  s.limits = limits_config(config);
  s.server.allowed_origins = server_config(config).allowed_origins;
  s.origins = s.server.origins_for(bound_port);
  apply_limits(s.limits, s.sockets);
  s.http.parser.body_bytes = static_cast<std::size_t>(s.limits.body_bytes);
  return s;
}

}  // namespace indaba::app
