// What a node does from time to time for itself. Each piece of work is short, and starts again only
// when it has ended. What one of all nodes does is work of the queue (node_tasks.cpp).
#include "app/node.hpp"

#include <algorithm>
#include <future>

namespace indaba::app {

namespace {

constexpr Millis kProbeEvery{5'000};
constexpr Millis kSaveSessionsEvery{500};
constexpr Millis kTellDeliveredEvery{250};
constexpr Millis kSaveSeenEvery{3'000};
constexpr Millis kSweepEvery{30'000};
constexpr Millis kWatchHeadsEvery{50};
constexpr Millis kSettleExportsEvery{15'000};
constexpr Millis kLeastForSessions{500};
constexpr Millis kMostForSessions{2'000};

// By reference: whoever repeats it keeps it.
Task<void> once(const std::function<void()>& work) {
  work();
  co_return;
}

}  // namespace

void Node::every(Millis interval, std::function<Task<void>()> work) {
  // On the first loop; the function lives as long as the node, which outlives the loops.
  struct Repeat {
    static Task<void> run(Node* node, Millis interval, std::function<Task<void>()> work) {
      while (!node->stopping_.load(std::memory_order_relaxed)) {
        auto task = work();
        co_await task;
        co_await sleep_for{interval};
      }
    }
  };
  loops_.first().post([this, interval, work = std::move(work)]() mutable {
    spawn(Repeat::run(this, interval, std::move(work)));
  });
}

void Node::call_every(Millis interval, std::function<void()> work) {
  every(interval, [work = std::move(work)]() -> Task<void> { return once(work); });
}

void Node::start_schedule() {
  every(kProbeEvery, [this] { return probe_database(); });
  every(kTellDeliveredEvery, [this] { return chat_.flush_delivered(); });
  every(kSaveSessionsEvery, [this] { return resume_.flush(); });
  every(presence::Changes::kGather, [this] { return presence_changes_.gather(); });
  every(kSaveSeenEvery, [this] { return presence_changes_.save(); });
  call_every(presence::Typing::kSweepEvery, [this] { typing_.sweep(); });
  if (clustering_) call_every(kWatchHeadsEvery, [this] { clustering_->watch_heads(); });
  if (cluster() != nullptr) {
    call_every(cluster::Cluster::kHello, [this] { cluster()->tick(); });
    call_every(api::SharedRates::kTell, [this] { shared_rates_->tell(); });
    call_every(presence::SharedLeases::kTell, [this] {
      shared_leases_->tell();
      presence_.tick();  // and learns what they told, sooner than the gathering of changes
    });
  }
  every(kSettleExportsEvery, [this] { return settle_exports(); });
  if (!clustering_) loops_.first().post([this] { spawn(begin_house()); });
  for (const auto& context : gateway_.contexts()) {
    struct Sweep {
      static Task<void> run(Node* node, gateway::LoopContext* context) {
        while (!node->stopping_.load(std::memory_order_relaxed)) {
          co_await sleep_for{kSweepEvery};
          context->hub.sweep();
        }
      }
    };
    context->loop.post([this, &context = *context] { spawn(Sweep::run(this, &context)); });
  }
}

Task<void> Node::probe_database() {
  auto query = [](db::Session& session) {
    return session.first<std::int64_t>("SELECT 1", [](const db::Row& row) { return row.int64(0); });
  };
  auto reading = storage_->database->read(query);
  const auto answer = co_await reading;
  if (answer)
    database_probe_->report({ops::HealthState::ok, {}});
  else
    database_probe_->report({ops::HealthState::failing, "does not answer"});
}

// Not by the queue: it is about work that the queue gave up.
Task<void> Node::settle_exports() {
  if (!keeps_house()) co_return;
  auto settling = exports_.settle();
  const auto settled = co_await settling;
  if (!settled) log_.error("app", "exports could not be ended", {{"reason", settled.error().log}});
}

// As soon as this node is the one that does it: what is old by now does not wait for its slot.
Task<void> Node::begin_house() {
  auto settling = settle_exports();
  co_await settling;
  if (!keeps_house() || !settings_.archive.dir.empty()) co_return;
  auto trimming = trim_now();
  const auto trimmed = co_await trimming;
  if (!trimmed)
    log_.error("app", "old events could not be deleted", {{"reason", trimmed.error().log}});
}

void Node::flush_sessions(Millis within) {
  const auto done = std::make_shared<std::promise<void>>();
  struct Flush {
    static Task<void> run(Node* node, std::shared_ptr<std::promise<void>> told) {
      auto flushing = node->resume_.flush();
      co_await flushing;
      auto saving = node->presence_changes_.save_everyone();
      co_await saving;
      told->set_value();
    }
  };
  loops_.first().post([this, done] { spawn(Flush::run(this, done)); });
  done->get_future().wait_for(std::clamp(within, kLeastForSessions, kMostForSessions));
}

}  // namespace indaba::app
