// What a node counts, for /metrics and /status.
#include "app/node.hpp"

namespace indaba::app {

ops::StatusFigures Node::figures() {
  std::int64_t streams = 0;
  std::int64_t subscriptions = 0;
  for (const auto& context : gateway_.contexts()) {
    streams += static_cast<std::int64_t>(context->hub.counters().streams);
    subscriptions += static_cast<std::int64_t>(context->hub.counters().subscriptions);
  }
  const auto* others = cluster();
  const auto work = background_.figures();
  return {.connections = gateway_.stats.active.load(std::memory_order_relaxed),
          .subscriptions = subscriptions,
          .streams = streams,
          .nodes = others == nullptr ? 1 : 1 + static_cast<std::int64_t>(others->count()),
          .redis_memory_bytes =
              others == nullptr ? 0 : static_cast<std::int64_t>(others->bus().memory_bytes),
          .jobs_queued = work.ready,
          .jobs_running = work.running};
}

void Node::add_metrics() {
  std::vector<const net::Loop*> loops;
  for (const auto* loop : loops_.all()) loops.push_back(loop);
  metrics_.add_source(ops::process_source());
  background_.add_metrics(metrics_);
  metrics_.add_source(ops::database_source(storage_->database->stats()));
  metrics_.add_source([loops](ops::Scrape& scrape) {
    for (const auto* loop : loops)
      scrape.add("indaba_outbox_bytes", static_cast<double>(loop->waiting_bytes));
  });
  metrics_.add_source(ops::loops_source(std::move(loops)));
  metrics_.add_source([this](ops::Scrape& scrape) {
    const auto& stats = gateway_.stats;
    scrape.add("websocket_connections_total",
               static_cast<double>(stats.opened.load(std::memory_order_relaxed)));
    scrape.add("websocket_connections_active",
               static_cast<double>(stats.active.load(std::memory_order_relaxed)));
    for (const auto& context : gateway_.contexts()) {
      const auto tell = [&](std::string_view direction) {
        return [&scrape, direction](std::string_view type, std::uint64_t n) {
          scrape.add("websocket_messages_total", static_cast<double>(n),
                     {{"type", ops::known_type(type)}, {"direction", direction}});
        };
      };
      context->frames_in.each(tell("in"));
      context->frames_out.each(tell("out"));
    }
    for (const auto& [error, n] : stats.errors.read())
      scrape.add("websocket_errors_total", static_cast<double>(n),
                 {{"type", ops::known_type(error.first)}, {"code", error.second}});
    for (const auto& [reason, n] : stats.rejected.read())
      scrape.add("indaba_handshakes_rejected_total", static_cast<double>(n), {{"reason", reason}});
    scrape.add_histogram("websocket_message_duration_seconds", stats.frame_seconds);
    scrape.add("indaba_presence_users", static_cast<double>(presence_.people()));
    scrape.add("indaba_presence_changes_total", static_cast<double>(presence_changes_.changes()));
    scrape.add("indaba_presence_frames_total", static_cast<double>(presence_changes_.frames()));
  });
  metrics_.add_source([this](ops::Scrape& scrape) {
    scrape.add("indaba_events_published_total", static_cast<double>(hub_.published()),
               {{"kind", "durable"}});
    scrape.add("indaba_events_published_total", static_cast<double>(hub_.published_ephemeral()),
               {{"kind", "ephemeral"}});
    scrape.add_histogram("indaba_publish_to_delivery_seconds", hub_.publish_to_delivery());
    for (const auto& context : gateway_.contexts()) {
      const auto& counters = context->hub.counters();
      scrape.add("indaba_events_delivered_total", static_cast<double>(counters.delivered));
      scrape.add("indaba_catchup_events_total", static_cast<double>(counters.from_tail),
                 {{"source", "tail"}});
      scrape.add("indaba_catchup_events_total", static_cast<double>(counters.from_store),
                 {{"source", "store"}});
      scrape.add("indaba_slow_consumers_total", static_cast<double>(counters.slow));
    }
  });
}

void Node::add_cluster_metrics() {
  metrics_.add_source([this](ops::Scrape& scrape) {
    if (!clustering_) return;
    std::uint64_t behind = 0;
    for (const auto& context : gateway_.contexts()) behind += context->hub.counters().behind;
    scrape.add("indaba_bus_lag_events", static_cast<double>(behind));
    const auto* cluster = clustering_->cluster();
    scrape.add("indaba_nodes", cluster == nullptr ? 1 : 1 + static_cast<double>(cluster->count()));
    scrape.add("indaba_access_known", clustering_->knows_access() ? 1 : 0);
    if (cluster == nullptr) return;
    const auto bus = cluster->bus();
    scrape.add("indaba_bus_up", bus.up ? 1 : 0);
    const auto tell = [&](std::string_view outcome, std::uint64_t n) {
      scrape.add("indaba_bus_messages_total", static_cast<double>(n), {{"outcome", outcome}});
    };
    tell("sent", bus.sent);
    tell("received", bus.received);
    tell("dropped", bus.dropped);
  });
}

}  // namespace indaba::app
