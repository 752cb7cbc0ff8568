// The settings as the plain structs that constructors take. Made once at start (and again on
// SIGHUP) from a Config.
#pragma once

#include "app/config.hpp"
#include "base/clock.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace indaba::app {

struct ServerConfig {
  std::string host;
  std::uint16_t port = 0;
  bool tls = false;
  std::string public_url;  // as set; see url_for()
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> trusted_proxies;
  unsigned loops = 1;
  bool io_uring = true;
  Millis drain_time{8000};
  std::string color;

  // The URL of this server once its port is known, without a slash at the end.
  [[nodiscard]] std::string url_for(std::uint16_t bound_port) const;
  // What browsers may call from: the list; else what the allowed hosts give; else the public URL's
  // origin, and on a loopback address both its spellings.
  [[nodiscard]] std::vector<std::string> origins_for(std::uint16_t bound_port) const;
};

struct TlsConfig {
  std::string cert;
  std::string key;
  [[nodiscard]] bool enabled() const { return !cert.empty(); }
};

struct PostgresConfig {
  std::string database;  // these three: for what database_url leaves out
  std::string user;
  std::string password;
  std::size_t writers = 4;
  std::size_t readers = 4;
};

// The bus between nodes.
struct RedisConfig {
  std::string url;  // empty: none; else RedisTarget::parse() takes it
  std::string prefix;
  [[nodiscard]] bool enabled() const { return !url.empty(); }
};

struct DataConfig {
  std::filesystem::path dir;
  std::string database_url;  // empty: embedded
  PostgresConfig postgres;

  [[nodiscard]] bool embedded() const { return database_url.empty(); }
  [[nodiscard]] std::filesystem::path database_file() const { return dir / "indaba.db"; }
  [[nodiscard]] std::filesystem::path control_socket() const { return dir / "control.sock"; }
  [[nodiscard]] std::filesystem::path demo_password() const { return dir / "demo-password"; }
};

enum class Registration : std::uint8_t { open, invite, closed };

struct ExternalTokensConfig {
  std::string key;
  std::string jwks_url;
  std::vector<std::string> algorithms;
  std::string issuer;
  std::string audience;
  [[nodiscard]] bool enabled() const { return !key.empty() || !jwks_url.empty(); }
};

struct AuthConfig {
  Registration registration = Registration::invite;
  std::string signing_key;  // empty: the one in the database
  ExternalTokensConfig external;
  bool external_ids = false;
  bool django_tokens = false;
  std::string django_user_table;
  bool query_token = false;
  bool anonymous_counter = false;
  bool only_superusers_create_orgs = false;
};

struct StreamsConfig {
  Millis retention_notifications{};
  Millis retention_topics{};
  Millis retention_me{};
  Millis session_ttl{};
  Millis presence_linger{};
};

struct SocketConfig {
  bool refuse_with_http = false;
  bool compression = false;
  Millis heartbeat{};
  Millis pong_timeout{};
  Millis stall_timeout{};
};

struct LimitsConfig {
  bool rates_enabled = true;           // false: whatever counts by time, user or address is off
  std::int64_t connections_total = 0;  // 0: from the process's descriptors
  std::int64_t connections_per_user = 0;
  std::int64_t connections_per_address = 0;
  std::int64_t subscriptions = 0;
  std::int64_t messages_per_minute = 0;
  std::int64_t searches_per_minute = 0;
  std::int64_t frames_per_second = 0;
  std::int64_t typing_per_second = 0;
  std::int64_t message_chars = 0;
  std::int64_t frame_bytes = 0;
  std::int64_t body_bytes = 0;
  std::int64_t outbox_bytes = 0;
  std::int64_t password_requests_per_minute = 0;
  std::int64_t auth_rps_address = 0;  // 0: by the minute
  std::int64_t password_failures = 0;
  std::int64_t token_requests_per_minute = 0;
  std::int64_t handshakes_per_second = 0;
  std::int64_t writes_per_minute = 0;
  std::int64_t api_key_writes_per_minute = 0;
};

struct LogConfig {
  std::string level;
  bool json = true;
};

struct MetricsConfig {
  std::optional<ListenAddress> listen;  // none: with the API
  bool per_org = false;
};

struct SmtpConfig {
  std::string url;
  std::string from;
};

struct ArchiveConfig {
  std::string dir;  // empty: nothing is archived
};

struct JobsConfig {
  int concurrency = 0;
  int prefetch = 0;
  int long_concurrency = 0;
  Millis soft_limit{};
  Millis hard_limit{};
  int max_retries = 0;
  Millis lease{};
};

[[nodiscard]] ServerConfig server_config(const Config& config);
[[nodiscard]] TlsConfig tls_config(const Config& config);
[[nodiscard]] DataConfig data_config(const Config& config);
[[nodiscard]] RedisConfig redis_config(const Config& config);
[[nodiscard]] AuthConfig auth_config(const Config& config);
[[nodiscard]] StreamsConfig streams_config(const Config& config);
[[nodiscard]] SocketConfig socket_config(const Config& config);
[[nodiscard]] LimitsConfig limits_config(const Config& config);
[[nodiscard]] LogConfig log_config(const Config& config);
[[nodiscard]] MetricsConfig metrics_config(const Config& config);
[[nodiscard]] ArchiveConfig archive_config(const Config& config);
// ErrorKind::invalid says which setting is wrong.
[[nodiscard]] Result<JobsConfig> jobs_config(const Config& config);
[[nodiscard]] SmtpConfig smtp_config(const Config& config);

}  // namespace indaba::app
