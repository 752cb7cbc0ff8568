// Node: one Indaba process, wired. The only place where concrete parts meet; everything is made
// here, in the order of the layers, and goes in the opposite one.
//
// Owned by serve(), on the main thread. start() begins to serve, stop() drains and ends.
#pragma once

#include "api/access_changes.hpp"
#include "api/application.hpp"
#include "api/cursor.hpp"
#include "api/description.hpp"
#include "api/frames.hpp"
#include "api/shared_rates.hpp"
#include "api/stream_names.hpp"
#include "app/background.hpp"
#include "app/bridge_wiring.hpp"
#include "app/celery_wiring.hpp"
#include "app/clustering.hpp"
#include "app/config_sections.hpp"
#include "app/loops.hpp"
#include "app/serve.hpp"
#include "app/storage.hpp"
#include "auth/request_authenticator.hpp"
#include "base/log.hpp"
#include "feature/account/service.hpp"
#include "feature/chat/chat.hpp"
#include "feature/exports/exports.hpp"
#include "feature/jobs/jobs.hpp"
#include "feature/notifications/notifications.hpp"
#include "feature/orgs/service.hpp"
#include "feature/search/search.hpp"
#include "feature/tasks/tasks.hpp"
#include "feature/topics/topics.hpp"
#include "gateway/gateway.hpp"
#include "gateway/ws_opening.hpp"
#include "http/server.hpp"
#include "net/listener.hpp"
#include "ops/control_socket.hpp"
#include "ops/health.hpp"
#include "ops/metric_names.hpp"
#include "ops/metrics.hpp"
#include "ops/static_files.hpp"
#include "presence/changes.hpp"
#include "stream/hub.hpp"
#include "stream/retention.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace indaba::app {

// The settings that the node's parts read, gathered once.
struct NodeSettings {
  ServerConfig server;
  TlsConfig tls;
  DataConfig data;
  RedisConfig redis;
  AuthConfig auth;
  StreamsConfig streams;
  LimitsConfig limits;
  MetricsConfig metrics;
  SmtpConfig smtp;
  ArchiveConfig archive;
  JobsConfig jobs;
  gateway::SocketSettings sockets;
  http::ServerSettings http;
  stream::RetentionPolicy retention;
  std::string public_url;
  std::vector<std::string> origins;
};
[[nodiscard]] Result<NodeSettings> node_settings(const Config& config, std::uint16_t bound_port);
// What a node started with, but for the limits and the origins, which are taken from `config`.
[[nodiscard]] NodeSettings reloaded(const NodeSettings& started, const Config& config,
                                    std::uint16_t bound_port);

class Node final : private stream::RetentionListener {
 public:
  // Opens the data and the ports. The error is a sentence for the operator.
  [[nodiscard]] static Result<std::unique_ptr<Node>> make(const Config& config,
                                                          const ServeOptions& options, Logger& log);
  ~Node() override;

  // False: `ended` said, before it was ready, that it is not to serve any more; it has stopped.
  [[nodiscard]] bool start(const std::function<bool()>& ended);
  // Sends everybody away within the drain time, finishes what is under way, and stops. The log says
  // what it waits for where that takes longer.
  void stop();
  // SIGHUP: limits, origins, the keys of external tokens, and the certificate.
  void reload(const Config& config);

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::size_t scheduled() const noexcept { return background_.scheduled(); }
  // After stop(): so many jobs have not come back, and the end of this would wait for them.
  [[nodiscard]] int hanging_jobs() const {
    return background_.hanging() + (celery_ ? celery_->hanging() : 0);
  }
  [[nodiscard]] db::Database& database() noexcept { return *storage_->database; }
  [[nodiscard]] const NodeSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] Clock& clock() noexcept { return clock_; }
  [[nodiscard]] Random& random() noexcept { return random_; }

 private:
  Node(NodeSettings settings, std::unique_ptr<Storage> storage,
       std::unique_ptr<auth::ExternalVerifier> external, std::unique_ptr<cluster::Bus> bus,
       const ServeOptions& options, Logger& log);

  // node_requests.cpp
  Task<http::Response> handle(http::Request request);
  Task<http::Response> answer(http::Request request);
  Task<http::Response> answer_metrics(http::Request request);
  [[nodiscard]] std::optional<http::Response> answer_health(std::string_view path);
  [[nodiscard]] http::Response figures_as_text(const http::Request& request) const;
  [[nodiscard]] http::Response refuse_unreadable(int status, std::string_view sentence);
  [[nodiscard]] bool host_allowed(const http::Request& request) const;
  void on_served(const api::Served& served);
  [[nodiscard]] Task<Result<account::UnreadCounts>> unread_of(api::Membership org, UserId user);
  [[nodiscard]] Task<Result<std::vector<account::UnreadConversation>>> unread_conversations_of(
      UserId user);
  // node_schedule.cpp
  void start_schedule();
  void every(Millis interval, std::function<Task<void>()> work);
  void call_every(Millis interval, std::function<void()> work);  // what never waits
  Task<void> probe_database();
  Task<void> settle_exports();
  Task<void> begin_house();
  void flush_sessions(Millis within);  // and when everybody was last seen
  // node_figures.cpp
  void add_metrics();
  void add_cluster_metrics();
  [[nodiscard]] ops::StatusFigures figures();
  // node_tasks.cpp
  void declare_tasks(const ServeOptions& options);
  [[nodiscard]] Result<void> open_schedule(const Config& config);
  [[nodiscard]] Result<job::Done> archive_logs(job::Running& run);
  [[nodiscard]] Task<Result<job::Done>> trim_streams(std::shared_ptr<job::Running> run);
  [[nodiscard]] Task<Result<stream::TrimReport>> trim_now();
  [[nodiscard]] Task<Result<job::Done>> clean_up(std::shared_ptr<job::Running> run);
  [[nodiscard]] Task<Result<job::Done>> end_old_sessions();
  // node_open.cpp
  void listen(net::ListeningSocket socket);
  void listen_for_metrics(net::ListeningSocket socket);
  [[nodiscard]] Result<void> open_bridge(const Config& config);
  [[nodiscard]] Result<void> open_celery(const Config& config);
  [[nodiscard]] Result<void> open_control();
  // node.cpp
  void add_routes(const ServeOptions& options);
  void reload_limits(const Config& config);
  void apply_feature_limits(const LimitsConfig& limits);
  void reload_keys(const Config& config);
  void on_trimmed(StreamId stream, Seq oldest) override { relay_.on_trimmed(stream, oldest); }
  // node_run.cpp
  void drain();
  void stop_listening();
  // node_cluster.cpp
  [[nodiscard]] bool start_clustering(const std::function<bool()>& ended);
  void leave_others(Millis within);
  [[nodiscard]] std::unique_ptr<Clustering> make_clustering(std::unique_ptr<cluster::Bus> bus);
  [[nodiscard]] cluster::Cluster* cluster() const;  // nullptr: no bus
  [[nodiscard]] std::unique_ptr<presence::Leases> make_leases();
  void share_with_others();
  [[nodiscard]] bool keeps_house() const;
  [[nodiscard]] Millis believed() const;
  [[nodiscard]] stream::Store& store();

  SystemClock clock_;
  SystemRandom random_;
  const NodeSettings settings_;
  const bool jobs_;
  const std::vector<std::string> queues_;
  Logger& log_;
  const MonoTime began_;
  std::unique_ptr<Storage> storage_;
  std::atomic<int> requests_in_flight_{0};  // to the last byte of their answers; outlives them
  Loops loops_;
  stream::Hub hub_;
  cluster::Relay relay_;

  api::AccessChanges changes_;
  std::unique_ptr<Clustering> clustering_;  // nullptr: the database is this process's own
  Background background_;
  auth::Identities identities_;
  auth::TokenMint mint_;
  std::shared_ptr<auth::ExternalVerifier> external_;
  auth::PasswordHasher hasher_;
  auth::RequestAuthenticator authenticator_;
  api::RateLimiter limiter_;
  std::unique_ptr<api::SharedRates> shared_rates_;  // nullptr: no bus
  api::RateLimits rates_;
  api::Idempotency idempotency_;
  api::Cursors cursors_;
  http::AllowedOrigins origins_;

  presence::SharedLeases* shared_leases_ = nullptr;  // `leases_`, where there is a bus
  std::unique_ptr<presence::Leases> leases_;
  presence::Presence presence_;
  chat::Delivered delivered_;
  presence::SqlSource presence_source_;
  presence::StreamAudiences audiences_;
  presence::FollowedStreams followed_;
  presence::Changes presence_changes_;
  presence::Views presence_views_;
  presence::Typing typing_;
  gateway::ResumeStore resume_;
  gateway::EventCursor event_cursor_;
  api::StreamNames names_;
  api::Frames frames_;
  gateway::Gateway gateway_;
  gateway::WsOpening ws_opening_;

  orgs::Memberships memberships_;
  orgs::Orgs orgs_;
  std::unique_ptr<account::Mailer> mailer_;
  notifications::Notifications notifications_;
  account::Accounts accounts_;
  tasks::Tasks tasks_;
  jobs::Jobs job_admin_;
  exports::Exports exports_;
  topics::Topics topics_;
  std::unique_ptr<search::SearchIndex> search_index_;
  chat::Chat chat_;
  search::Search search_;

  api::Description description_;
  std::unique_ptr<api::Application> application_;
  ops::Health health_;
  ops::Health::Probe* database_probe_ = nullptr;
  ops::Metrics metrics_;
  ops::StaticFiles static_files_;

  http::ServerSettings http_settings_;
  http::Server http_;
  http::Server metrics_http_;  // on metrics.listen
  std::unique_ptr<net::TlsContext> tls_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Listener> metrics_listener_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ops::ControlServer> control_;
  std::unique_ptr<BridgeWiring> bridge_;
  std::unique_ptr<CeleryWiring> celery_;
  std::atomic<bool> stopping_{false};
};

}  // namespace indaba::app
