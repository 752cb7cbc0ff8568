#include "app/config_sections.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <thread>

namespace indaba::app {

namespace {

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

bool is_any(const std::string& host) {
  return host == "0.0.0.0" || host == "::";
}

std::string in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

std::string ServerConfig::url_for(std::uint16_t bound_port) const {
  if (!public_url.empty()) return public_url.substr(0, public_url.find_last_not_of('/') + 1);
  return fmt::format("{}://{}:{}", tls ? "https" : "http",
                     is_any(host) ? "localhost" : in_url(host), bound_port);
}

std::vector<std::string> ServerConfig::origins_for(std::uint16_t bound_port) const {
  std::vector<std::string> origins;
  const auto add = [&](std::string origin) {
    if (std::ranges::find(origins, origin) == origins.end()) origins.push_back(std::move(origin));
  };
  for (const auto& origin : allowed_origins) add(is_url(origin) ? url_origin(origin) : origin);
  if (origins.empty() && public_url.empty()) {
    for (const auto& allowed : allowed_hosts) {
      if (allowed.starts_with('.') || allowed.find('*') != std::string::npos)
        continue;  // names no one origin
      add("https://" + allowed);
      if (!tls) add("http://" + allowed);
    }
  }
  if (origins.empty()) add(url_origin(url_for(bound_port)));
  if (is_loopback(host)) {
    add(fmt::format("{}://localhost:{}", tls ? "https" : "http", bound_port));
    add(fmt::format("{}://127.0.0.1:{}", tls ? "https" : "http", bound_port));
  }
  return origins;
}

ServerConfig server_config(const Config& config) {
  ServerConfig server;
  const auto listen = config.address("server.listen").value_or(ListenAddress{"127.0.0.1", 8080});
  server.host = listen.host;
  server.port = listen.port;
  server.tls = config.is_set("tls.cert");
  server.public_url = config.text("server.public_url");
  server.allowed_origins = config.list("server.allowed_origins");
  server.allowed_hosts = config.list("server.allowed_hosts");
  server.trusted_proxies = config.list("server.trusted_proxies");
  const auto loops = config.integer("server.loops");
  constexpr std::int64_t kMaxLoops = 64;  // as many as the hub keeps apart
  const auto wanted = loops > 0 ? loops : std::int64_t{std::thread::hardware_concurrency()};
  server.loops = static_cast<unsigned>(std::clamp<std::int64_t>(wanted, 1, kMaxLoops));
  server.io_uring = config.boolean("server.io_uring");
  server.drain_time = config.duration("server.drain_time");
  server.color = config.text("server.color");
  return server;
}

TlsConfig tls_config(const Config& config) {
  return {config.text("tls.cert"), config.text("tls.key")};
}

DataConfig data_config(const Config& config) {
  constexpr std::int64_t kMost = 64;
  const auto connections = [&](std::string_view key) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(config.integer(key), 1, kMost));
  };
  return {config.text("data.dir"), config.text("database.url"),
          PostgresConfig{config.text("postgres.db"), config.text("postgres.user"),
                         config.text("postgres.password"), connections("database.writers"),
                         connections("database.readers")}};
}

RedisConfig redis_config(const Config& config) {
  return {config.text("redis.url"), config.text("redis.prefix")};
}

AuthConfig auth_config(const Config& config) {
  AuthConfig auth;
  auth.external_ids = config.boolean("auth.external_ids");
  const auto& registration = config.text("auth.registration");
  auth.registration = auth.external_ids || registration == "closed" ? Registration::closed
                      : registration == "open"                      ? Registration::open
                                                                    : Registration::invite;
  auth.signing_key = config.text("auth.signing_key");
  auth.external = {config.text("auth.external.key"), config.text("auth.external.jwks_url"),
                   config.list("auth.external.algorithms"), config.text("auth.external.issuer"),
                   config.text("auth.external.audience")};
  auth.django_tokens = config.boolean("auth.django_tokens");
  auth.django_user_table = config.text("auth.django_user_table");
  auth.query_token = config.boolean("auth.query_token");
  auth.anonymous_counter = config.boolean("auth.anonymous_counter");
  auth.only_superusers_create_orgs = config.text("orgs.creation") == "superusers";
  return auth;
}

StreamsConfig streams_config(const Config& config) {
  const auto or_general = [&](std::string_view key) {
    return config.duration(config.is_set(key) ? key : std::string_view("streams.retention"));
  };
  return {or_general("streams.retention_notifications"), or_general("streams.retention_topics"),
          or_general("streams.retention_me"), config.duration("session.ttl"),
          config.duration("presence.linger")};
}

SocketConfig socket_config(const Config& config) {
  return {config.text("ws.refusal") == "http", config.boolean("ws.compression"),
          config.duration("ws.heartbeat"), config.duration("ws.pong_timeout"),
          config.duration("ws.stall_timeout")};
}

LimitsConfig limits_config(const Config& config) {
  LimitsConfig limits;
  limits.rates_enabled = config.boolean("rate_limits.enabled");
  limits.connections_total = config.integer("limits.connections_total");
  limits.connections_per_user = config.integer("limits.connections_per_user");
  limits.connections_per_address = config.integer("limits.connections_per_address");
  limits.subscriptions = config.integer("limits.subscriptions");
  limits.messages_per_minute = config.integer("limits.messages_per_minute");
  limits.searches_per_minute = config.integer("limits.searches_per_minute");
  limits.frames_per_second = config.integer("limits.frames_per_second");
  limits.typing_per_second = config.integer("limits.typing_per_second");
  limits.message_chars = config.integer("limits.message_chars");
  limits.frame_bytes = config.integer("limits.frame_bytes");
  limits.body_bytes = config.integer("limits.body_bytes");
  limits.outbox_bytes = config.integer("limits.outbox_bytes");
  limits.password_requests_per_minute = config.integer("limits.password_requests_per_minute");
  limits.auth_rps_address = config.integer("limits.auth_rps_address");
  limits.password_failures = config.integer("limits.password_failures");
  limits.token_requests_per_minute = config.integer("limits.token_requests_per_minute");
  limits.handshakes_per_second = config.integer("limits.handshakes_per_second");
  limits.writes_per_minute = config.integer("limits.writes_per_minute");
  limits.api_key_writes_per_minute = config.integer("limits.api_key_writes_per_minute");
  return limits;
}

LogConfig log_config(const Config& config) {
  return {config.text("log.level"), config.text("log.format") == "json"};
}

MetricsConfig metrics_config(const Config& config) {
  return {config.address("metrics.listen"), config.boolean("metrics.per_org")};
}

ArchiveConfig archive_config(const Config& config) {
  return {config.text("archive.dir")};
}

Result<JobsConfig> jobs_config(const Config& config) {
  constexpr Millis kShortestLease{1'000};
  const auto number = [&](std::string_view key, std::int64_t least) {
    return static_cast<int>(std::clamp<std::int64_t>(config.integer(key), least, 1'000));
  };
  const JobsConfig jobs{number("jobs.concurrency", 1),      number("jobs.prefetch", 0),
                        number("jobs.long_concurrency", 1), config.duration("jobs.soft_limit"),
                        config.duration("jobs.hard_limit"), number("jobs.max_retries", 0),
                        config.duration("jobs.lease")};
  if (jobs.lease < kShortestLease)
    return Error::invalid_field("jobs.lease",
                                "jobs.lease must be 1s or more: a worker that is not heard of for "
                                "so long loses its work");
  if (jobs.soft_limit <= Millis(0) || jobs.hard_limit < jobs.soft_limit)
    return Error::invalid_field("jobs.hard_limit",
                                "jobs.soft_limit must be more than nothing, and jobs.hard_limit no "
                                "less than that");
  return jobs;
}

SmtpConfig smtp_config(const Config& config) {
  return {config.text("smtp.url"), config.text("smtp.from")};
}

}  // namespace indaba::app
