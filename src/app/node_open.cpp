// What a node opens beside its data: ports, the control socket, and the ways to Django and Celery.
#include "app/admin.hpp"
#include "app/node.hpp"

namespace indaba::app {

void Node::listen(net::ListeningSocket socket) {
  port_ = socket.port();
  auto& loop = loops_.first();
  listener_ = std::make_unique<net::Listener>(
      loop, loops_.all(), std::move(socket), net::Listener::Options{.tls = tls_.get()},
      [this](net::Connection& connection) {
        connection.set_protocol(std::make_unique<http::HttpProtocol>(connection, http_));
      },
      log_);
}

void Node::listen_for_metrics(net::ListeningSocket socket) {
  auto& loop = loops_.first();
  metrics_listener_ = std::make_unique<net::Listener>(
      loop, std::vector<net::Loop*>{&loop}, std::move(socket), net::Listener::Options{},
      [this](net::Connection& connection) {
        connection.set_protocol(std::make_unique<http::HttpProtocol>(connection, metrics_http_));
      },
      log_);
}

Result<void> Node::open_control() {
  auto handlers =
      admin_handlers({.database = *storage_->database,
                      .clock = clock_,
                      .random = random_,
                      .database_file = settings_.data.database_file(),
                      .changes = changes_,
                      .jobs = {*storage_->database, &background_.queue(), &background_.registry(),
                               [this](JobId job) { background_.cancel(job); }}});
  INDABA_TRY(control_,
             ops::ControlServer::open(settings_.data.control_socket(), std::move(handlers), log_));
  return {};
}

// Events that this node commits pass the bridge on their way to the hub.
Result<void> Node::open_bridge(const Config& config) {
  INDABA_TRY(bridge_, BridgeWiring::make(
                          config, storage_->signing_key,
                          {*storage_->database, relay_, hub_, relay_, clock_, random_, log_}));
  if (!bridge_) return {};
  storage_->log.set_listener(bridge_.get());
  bridge_->report_to(health_, metrics_);
  return {};
}

Result<void> Node::open_celery(const Config& config) {
  const job::celery::Worker::Parts parts{background_.registry(), *storage_->database, clock_,
                                         random_, log_};
  INDABA_TRY(celery_, CeleryWiring::make(config, parts));
  if (celery_) celery_->report_to(health_, metrics_);
  return {};
}

}  // namespace indaba::app
