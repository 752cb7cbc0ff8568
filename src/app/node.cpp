#include "app/node.hpp"

#include "base/crypto.hpp"
#include "feature/search/pg_index.hpp"
#include "feature/search/sqlite_index.hpp"
#include "gateway/client_frames.hpp"
#include "gateway/echo.hpp"
#include "gateway/event_routes.hpp"

namespace indaba::app {

namespace {

constexpr std::uint64_t kLeastFreeDisk = 64UL << 20U;
constexpr Millis kProbeStale{15'000};

api::RateLimits rate_limits(const LimitsConfig& limits) {
  api::RateLimits out;
  out.writes = limits.writes_per_minute;
  out.key_writes = limits.api_key_writes_per_minute;
  out.passwords = limits.password_requests_per_minute;
  out.handshakes = limits.handshakes_per_second;
  out.auth_a_second = limits.auth_rps_address;
  out.sessions = limits.token_requests_per_minute;
  return out;
}

auth::ExternalSettings external_settings(const AuthConfig& auth) {
  return {.key = auth.external.key,
          .jwks_url = auth.external.jwks_url,
          .algorithms = auth.external.algorithms,
          .issuer = auth.external.issuer,
          .audience = auth.external.audience,
          .same_numbers = auth.external_ids};
}

std::unique_ptr<account::Mailer> make_mailer(const SmtpConfig& smtp, Logger& log) {
  if (smtp.url.empty()) return nullptr;
  return std::make_unique<account::SmtpMailer>(
      account::SmtpSettings{.url = smtp.url, .from = smtp.from}, log);
}

std::unique_ptr<search::SearchIndex> make_search_index(db::Database& database, const Clock& clock,
                                                       Random& random) {
  if (database.dialect() == db::Dialect::sqlite)
    return std::make_unique<search::SqliteIndex>(database, clock, random);
  return std::make_unique<search::PgIndex>(database, clock, random);
}

account::Registration registration_of(const AuthConfig& auth) {
  switch (auth.registration) {
    case Registration::open:
      return account::Registration::open;
    case Registration::invite:
      return account::Registration::invite;
    case Registration::closed:
      return account::Registration::closed;
  }
  return account::Registration::closed;
}

// A key's text may be unfit only by an operator's own setting, which was checked when the storage
// was opened.
auth::TokenMint make_mint(const std::string& key, const Clock& clock, Random& random) {
  auto mint = auth::TokenMint::make(key, clock, random);
  check(mint.has_value(), "the signing key is usable");
  return *std::move(mint);
}

// A name that nodes of one deployment share, and that tells nothing.
std::string deployment_of(const std::string& signing_key) {
  return text::to_base64url(crypto::derive_key(signing_key, "bus").substr(0, 9));
}

std::vector<std::string> websocket_sources(const std::string& public_url) {
  std::string url = public_url;
  if (url.starts_with("http")) url.replace(0, 4, "ws");
  return {url};
}

}  // namespace

Result<std::unique_ptr<Node>> Node::make(const Config& config, const ServeOptions& options,
                                         Logger& log) {
  if (options.keep_waiting) {
    // The port too is the other process's until it ends. The folder is taken for good further down.
    INDABA_TRY_VOID(db::ProcessLock::acquire(data_config(config).dir, options.keep_waiting));
  }
  const auto server = server_config(config);
  std::optional<net::ListeningSocket> socket;
  if (options.http) {
    INDABA_TRY(auto opened, net::ListeningSocket::open({server.host, server.port}));
    socket.emplace(std::move(opened));
  }
  INDABA_TRY(auto settings, node_settings(config, socket ? socket->port() : server.port));
  if (!options.http && settings.data.embedded())
    return Error(ErrorKind::invalid,
                 "this needs PostgreSQL: the embedded database belongs to one process, `indaba "
                 "serve`, which runs the jobs and has the schedule in it");
  // One that only looks at the clock needs little.
  if (!options.http && !options.jobs)
    settings.server.loops = settings.data.postgres.writers = settings.data.postgres.readers = 1;
  std::optional<net::ListeningSocket> metrics_socket;
  if (settings.metrics.listen) {
    INDABA_TRY(auto opened, net::ListeningSocket::open(
                                {settings.metrics.listen->host, settings.metrics.listen->port}));
    metrics_socket.emplace(std::move(opened));
  }
  std::unique_ptr<net::TlsContext> tls;
  if (settings.tls.enabled()) {
    INDABA_TRY(tls, net::TlsContext::load(settings.tls.cert, settings.tls.key));
  }
  static const SystemClock start_clock;
  static SystemRandom start_random;
  INDABA_TRY(auto storage, open_storage(settings.data, options.migrate ? Migrate::yes : Migrate::no,
                                        settings.auth.signing_key, start_clock, start_random,
                                        options.keep_waiting));
  if (auto usable = auth::TokenMint::make(storage->signing_key, start_clock, start_random); !usable)
    return std::move(usable).error();
  std::unique_ptr<auth::ExternalVerifier> external;
  if (const auto wanted = external_settings(settings.auth); wanted.configured()) {
    INDABA_TRY(external, auth::ExternalVerifier::make(wanted, start_clock));
  }
  std::unique_ptr<cluster::Bus> bus;
  if (storage->access_stream) {
    INDABA_TRY(bus, make_bus(settings.redis, deployment_of(storage->signing_key), start_clock,
                             start_random, log));
  } else if (settings.redis.enabled()) {
    log.warn("app", "redis.url is not used: the embedded database belongs to one process");
  }
  std::unique_ptr<Node> node(new Node(std::move(settings), std::move(storage), std::move(external),
                                      std::move(bus), options, log));
  node->tls_ = std::move(tls);
  if (socket) node->listen(*std::move(socket));
  if (metrics_socket) node->listen_for_metrics(*std::move(metrics_socket));
  if (options.http || options.jobs) {
    INDABA_TRY_VOID(node->open_bridge(config));
  }
  if (options.jobs) {
    INDABA_TRY_VOID(node->open_celery(config));
  }
  if (options.schedule) {
    INDABA_TRY_VOID(node->open_schedule(config));
  }
  if (options.http) {
    INDABA_TRY_VOID(node->open_control());
  }
  return node;
}

Node::Node(NodeSettings settings, std::unique_ptr<Storage> storage,
           std::unique_ptr<auth::ExternalVerifier> external, std::unique_ptr<cluster::Bus> bus,
           const ServeOptions& options, Logger& log)
    : settings_(std::move(settings)),
      jobs_(options.jobs),
      queues_(options.queues),
      log_(log),
      began_(clock_.mono()),
      storage_(std::move(storage)),
      loops_(settings_.server.loops, clock_,
             settings_.server.io_uring ? net::Loop::Sending::ring : net::Loop::Sending::calls),
      hub_(clock_),
      relay_(hub_),
      clustering_(make_clustering(std::move(bus))),
      background_({*storage_->database, clock_, random_, log, cluster()}, settings_.jobs),
      identities_(*storage_->database, clock_, random_, believed()),
      mint_(make_mint(storage_->signing_key, clock_, random_)),
      external_(std::move(external)),
      authenticator_({.query_token = settings_.auth.query_token}, identities_, mint_, external_,
                     *storage_->database, clock_),
      limiter_(clock_, settings_.limits.rates_enabled),
      rates_(rate_limits(settings_.limits)),
      idempotency_(*storage_->database, clock_),
      cursors_(crypto::derive_key(storage_->signing_key, "list cursors")),
      origins_(settings_.origins),
      leases_(make_leases()),
      presence_(clock_, *leases_, settings_.streams.presence_linger),
      presence_source_(*storage_->database),
      audiences_(presence_source_, clock_),
      presence_changes_({presence_, presence_source_, audiences_, followed_, hub_, log}),
      presence_views_(presence_, presence_source_, audiences_),
      typing_(clock_, relay_),
      resume_(*storage_->database, clock_, settings_.sockets.session_ttl, log),
      event_cursor_(crypto::derive_key(storage_->signing_key, "event cursors")),
      gateway_({clock_, random_, log, authenticator_, names_, frames_, resume_, presence_,
                presence_views_, followed_, typing_, event_cursor_, origins_, limiter_, rates_,
                delivered_},
               settings_.sockets),
      ws_opening_(gateway_),
      memberships_(*storage_->database, clock_, changes_, believed()),
      orgs_({.only_superusers_create = settings_.auth.only_superusers_create_orgs,
             .public_url = settings_.public_url},
            *storage_->database, changes_, cursors_, clock_, random_),
      mailer_(make_mailer(settings_.smtp, log)),
      notifications_(*storage_->database, memberships_, presence_, clock_),
      accounts_(
          {.registration = registration_of(settings_.auth),
           .external_ids = settings_.auth.external_ids,
           .public_url = settings_.public_url,
           .password_failures = settings_.limits.password_failures},
          {*storage_->database, hasher_, mint_, identities_, changes_, limiter_, mailer_.get(),
           clock_, random_},
          {[this](api::Membership org, UserId user) { return unread_of(std::move(org), user); },
           [this](UserId user) { return unread_conversations_of(user); }}),
      tasks_(*storage_->database, cursors_, clock_),
      job_admin_({*storage_->database, memberships_, cursors_, background_.queue(), relay_,
                  [this](JobId job) { background_.cancel(job); }}),
      exports_({*storage_->database, background_.queue(), limiter_, clock_}),
      topics_({*storage_->database, memberships_, relay_, changes_, limiter_, rates_, clock_,
               random_, believed()}),
      search_index_(make_search_index(*storage_->database, clock_, random_)),
      chat_({*storage_->database, memberships_, changes_, relay_, delivered_, typing_, limiter_,
             rates_, cursors_, clock_, random_, *search_index_}),
      search_(*search_index_, limiter_, cursors_),
      health_({.version = INDABA_VERSION,
               .color = settings_.server.color,
               .database = settings_.data.embedded() ? "sqlite" : "postgres",
               .redis = storage_->access_stream && settings_.redis.enabled()},
              clock_, [this] { return figures(); }),
      static_files_(ops::embedded_assets(), websocket_sources(settings_.public_url)),
      http_settings_(settings_.http),
      http_{http_settings_, clock_,
            [this](http::Request request) { return handle(std::move(request)); },
            [this](int status, std::string_view sentence) {
              return refuse_unreadable(status, sentence);
            }},
      metrics_http_{http_settings_, clock_,
                    [this](http::Request request) { return answer_metrics(std::move(request)); },
                    [this](int status, std::string_view sentence) {
                      return refuse_unreadable(status, sentence);
                    }} {
  account::follow(changes_, identities_);
  if (settings_.auth.django_tokens)
    authenticator_.accept_django_tokens(std::make_unique<auth::DjangoTokens>(
        auth::DjangoTokens::Settings{.user_table = settings_.auth.django_user_table,
                                     .issuer = settings_.auth.external.issuer,
                                     .same_numbers = settings_.auth.external_ids},
        *storage_->database, clock_));
  for (auto* loop : loops_.all()) gateway_.add_loop(*loop, hub_.add_loop(*loop, store()));
  storage_->log.set_listener(&relay_);
  storage_->log.set_head_listener(&hub_);
  if (settings_.data.embedded()) hub_.trust_settled_heads();
  changes_.listen([this](const api::AccessChange& change) { gateway_.tell(change); });
  share_with_others();
  background_.on_progress([this](const job::Run& run, double fraction, std::string_view note) {
    if (const auto stream = run.claimed().stream)
      job_admin_.tell_progress(stream, run.uuid(), fraction, note);
  });
  accounts_.also_erase([](db::WriteTx& tx, UserId user, WallTime now) -> Result<void> {
    INDABA_TRY_VOID(notifications::Notifications::erase(tx, user));
    return chat::Chat::erase(tx, user, now);
  });
  changes_.listen([this](const api::AccessChange& change) {
    presence_.on_access_change(change);
    audiences_.on_access_change(change);
  });
  health_.add_check("disk", ops::disk_check(settings_.data.dir, kLeastFreeDisk));
  database_probe_ = &health_.add_probe("database", kProbeStale);
  database_probe_->report({});  // it answered when it was opened: "listening" must mean ready
  apply_feature_limits(settings_.limits);
  add_metrics();
  add_cluster_metrics();
  declare_tasks(options);
  add_routes(options);
}

Node::~Node() {
  // The loops first: what they run uses everything else.
  background_.stop(Millis(0));
  loops_.stop();
  control_.reset();
  storage_->log.set_listener(nullptr);
  storage_->log.set_head_listener(nullptr);
}

void Node::add_routes(const ServeOptions& options) {
  api::Endpoints endpoints;
  accounts_.add_routes(endpoints);
  orgs_.add_routes(endpoints);
  notifications_.add_routes(endpoints);
  tasks_.add_routes(endpoints);
  job_admin_.add_routes(endpoints);
  exports_.add_routes(endpoints);
  topics_.add_routes(endpoints);
  chat_.add_routes(endpoints);
  search_.add_routes(endpoints);
  gateway::add_event_routes(endpoints, gateway_);
  presence_views_.add_routes(endpoints);
  ws_opening_.add_to(endpoints);
  description_.add_routes(endpoints);
  if (options.test_echo) gateway::add_echo_route(endpoints, gateway_);

  notifications_.add_streams(names_);
  job_admin_.add_streams(names_);
  topics_.add_streams(names_);
  chat_.add_streams(names_);
  gateway::document_frames(frames_);
  topics_.add_frames(frames_);
  chat_.add_frames(frames_);

  description_.build(endpoints, frames_, names_);
  application_ = std::make_unique<api::Application>(
      std::move(endpoints),
      api::Application::Parts{authenticator_, memberships_, limiter_, rates_, idempotency_,
                              origins_, clock_, random_},
      [this](const api::Served& served) { on_served(served); });
}

std::string Node::url() const {
  const std::string host = settings_.server.host.empty() ? "0.0.0.0" : settings_.server.host;
  const bool v6 = host.find(':') != std::string::npos;
  return (tls_ ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port_);
}

void Node::reload(const Config& config) {
  reload_limits(config);
  reload_keys(config);
}

void Node::reload_limits(const Config& config) {
  const auto again = reloaded(settings_, config, port_);
  limiter_.set_enabled(again.limits.rates_enabled);
  rates_ = rate_limits(again.limits);
  apply_feature_limits(again.limits);
  accounts_.set_password_failures(again.limits.password_failures);
  origins_.replace(again.origins);
  http_settings_.parser.body_bytes = again.http.parser.body_bytes;
  gateway_.reload(again.sockets);
  // What the log says next is true on every loop.
  for (auto* loop : loops_.all()) Loops::run_on(*loop, [] {});
}

void Node::apply_feature_limits(const LimitsConfig& limits) {
  chat_.limits().message_chars = limits.message_chars;
  chat_.limits().messages_per_minute = limits.messages_per_minute;
  search_.limits().searches_per_minute = limits.searches_per_minute;
}

void Node::reload_keys(const Config& config) {
  if (const auto wanted = external_settings(auth_config(config)); wanted.configured()) {
    if (auto verifier = auth::ExternalVerifier::make(wanted, clock_))
      authenticator_.replace_external(*std::move(verifier));
    else
      log_.error("app", "the external keys could not be reloaded; the old ones stay",
                 {{"reason", verifier.error().detail}});
  }
  if (!tls_) return;
  if (const auto reloaded = tls_->reload(); !reloaded)
    log_.error("app", "the certificate could not be reloaded; the old one stays",
               {{"reason", reloaded.error().detail}});
  else
    log_.info("app", "certificate reloaded");
}

}  // namespace indaba::app
