// What a node has because it is one of several.
#include "app/node.hpp"

#include <future>

namespace indaba::app {

namespace {

constexpr Millis kLookForTheEnd{50};

}  // namespace

std::unique_ptr<Clustering> Node::make_clustering(std::unique_ptr<cluster::Bus> bus) {
  if (!storage_->access_stream) return nullptr;
  changes_.share(storage_->access_stream, cluster::new_node_id(random_));
  return std::make_unique<Clustering>(Clustering::Parts{*storage_->database, hub_, *storage_->store,
                                                        relay_, changes_, clock_, random_, log_},
                                      std::move(bus));
}

cluster::Cluster* Node::cluster() const {
  return clustering_ ? clustering_->cluster() : nullptr;
}

Millis Node::believed() const {
  return clustering_ ? auth::kBelievedAmongOthers : auth::kBelievedAlone;
}

stream::Store& Node::store() {
  return clustering_ ? clustering_->store() : *storage_->store;
}

std::unique_ptr<presence::Leases> Node::make_leases() {
  if (cluster() == nullptr) return std::make_unique<presence::LocalLeases>(clock_);
  auto shared = std::make_unique<presence::SharedLeases>(clock_, *cluster());
  shared_leases_ = shared.get();
  return shared;
}

void Node::share_with_others() {
  if (cluster() == nullptr) return;
  shared_rates_ = std::make_unique<api::SharedRates>(limiter_, *cluster());
  gateway_.share_sessions(*cluster());
  relay_.when_sign([this](const stream::Event& sign) { typing_.heard(sign); });
  health_.add_check("redis", [this]() -> ops::HealthReport {
    if (cluster()->up()) return {ops::HealthState::ok, {}};
    return {ops::HealthState::degraded, "does not carry messages; the log is read instead"};
  });
}

// One node of all, so that they do not do the same work twice.
bool Node::keeps_house() const {
  return clustering_ ? clustering_->housekeeper() : jobs_;
}

// What is remembered from before this node hears of others' changes could be wrong for long, so
// nobody is let in earlier.
bool Node::start_clustering(const std::function<bool()>& ended) {
  if (!clustering_) return true;
  const auto ready = std::make_shared<std::promise<void>>();
  loops_.first().post([this, ready] {
    clustering_->start(hub_.local(0), [ready] { ready->set_value(); });
    if (jobs_) clustering_->keep_house([this] { spawn(begin_house()); });
  });
  const auto done = ready->get_future();
  while (done.wait_for(kLookForTheEnd) != std::future_status::ready)
    if (ended()) return false;
  return true;
}

void Node::leave_others(Millis within) {
  if (!clustering_) return;
  Loops::run_on(loops_.first(), [this] { clustering_->stop(); });
  clustering_->leave(within);
}

}  // namespace indaba::app
