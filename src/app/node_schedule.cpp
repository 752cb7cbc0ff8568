// What a node does from time to time. Each piece of work is short, and starts again only when it
// has ended.
#include "app/node.hpp"

#include <future>

namespace indaba::app {

namespace {

constexpr Millis kProbeEvery{5'000};
constexpr Millis kSaveSessionsEvery{500};
constexpr Millis kTellDeliveredEvery{250};
constexpr Millis kSaveSeenEvery{3'000};
constexpr Millis kSweepEvery{30'000};
constexpr Millis kWatchHeadsEvery{50};
constexpr Millis kEndSessionsEvery{60'000};
constexpr Millis kTrimEvery{600'000};
constexpr Millis kPurgeEvery{600'000};
constexpr Millis kSettleExportsEvery{15'000};
constexpr Millis kPatienceForSessions{2'000};

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
  every(kTrimEvery, [this] { return trim_streams(); });
  every(kPurgeEvery, [this] { return purge(); });
  every(kEndSessionsEvery, [this] { return end_old_sessions(); });
  every(kSettleExportsEvery, [this] { return settle_exports(); });
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

Task<void> Node::trim_streams() {
  if (!keeps_house()) co_return;
  if (!settings_.archive.dir.empty()) {  // what is not archived yet must not go
    auto wanting = want_archive();
    const auto wanted = co_await wanting;
    if (!wanted)
      log_.error("app", "archiving could not be begun", {{"reason", wanted.error().log}});
    co_return;
  }
  auto trimming =
      stream::trim(*storage_->database,
                   {.policy = settings_.retention, .stream = {}, .now = clock_.wall()}, this);
  const auto trimmed = co_await trimming;
  if (!trimmed)
    log_.error("app", "old events could not be deleted", {{"reason", trimmed.error().log}});
  else if (trimmed->events > 0)
    log_.info("app", "old events deleted",
              {{"events", trimmed->events}, {"streams", trimmed->streams}});
}

Task<void> Node::end_old_sessions() {
  if (!keeps_house()) co_return;
  auto sweeping = accounts_.sweep();
  const auto ended = co_await sweeping;
  if (!ended)
    log_.error("app", "sessions whose time is over could not be ended",
               {{"reason", ended.error().log}});
}

Task<void> Node::purge() {
  if (!keeps_house()) co_return;
  auto purging = idempotency_.purge(10'000);
  const auto purged = co_await purging;
  if (!purged)
    log_.error("app", "kept answers could not be deleted", {{"reason", purged.error().log}});
  auto emptying = chat_.purge();
  const auto emptied = co_await emptying;
  if (!emptied)
    log_.error("app", "deleted rooms could not be emptied", {{"reason", emptied.error().log}});
  auto sweeping = search_index_->sweep();
  const auto swept = co_await sweeping;
  if (!swept)
    log_.error("app", "deleted messages could not be taken out of the search",
               {{"reason", swept.error().log}});
  auto clearing = exports_.sweep();
  const auto cleared = co_await clearing;
  if (!cleared)
    log_.error("app", "old exports could not be deleted", {{"reason", cleared.error().log}});
}

Task<void> Node::settle_exports() {
  if (!keeps_house()) co_return;
  auto settling = exports_.settle();
  const auto settled = co_await settling;
  if (!settled) log_.error("app", "exports could not be ended", {{"reason", settled.error().log}});
}

// As soon as this node is the one that does it, and not when its turn comes.
Task<void> Node::keep_house() {
  auto trimming = trim_streams();
  co_await trimming;
  auto ending = end_old_sessions();
  co_await ending;
  auto purging = purge();
  co_await purging;
}

void Node::flush_sessions() {
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
  done->get_future().wait_for(kPatienceForSessions);
}

}  // namespace indaba::app
