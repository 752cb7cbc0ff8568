#include "stream/simulation/publisher.hpp"

namespace indaba::stream::simulation {

namespace {
constexpr Millis kPatience{120};
}

void Publisher::publish_later() {
  world_.after(world_.between(1, 40 * pace_), [this] {
    if (stopping_) return;
    publish();
    publish_later();
  });
}

void Publisher::publish() {
  const auto payload = fmt::format("p{}-{}", number_, ++count_);
  const auto stream = streams_[world_.below(streams_.size())];
  auto intent = std::make_shared<Intent>(
      Intent{{stream, payload, world_.chance(60) ? "key-" + payload : ""}});
  ledger_.attempted(payload);
  ++open_;
  attempt(intent);
}

void Publisher::attempt(const IntentPtr& intent) {
  const int number = ++intent->attempts;
  intent->waiting = number;
  world_.after(world_.between(0, 15), [this, intent, number] {
    if (!is_up_()) return;  // nobody listens there: silence
    log_.submit(intent->draft, [this, intent, number](Result<ModelLog::Placed> placed) {
      // The answer too may be lost on its way.
      if (world_.chance(5)) return;
      world_.after(world_.between(0, 15), [this, intent, number, placed = std::move(placed)] {
        on_answer(intent, number, placed);
      });
    });
  });
  world_.after(kPatience, [this, intent, number] { on_silence(intent, number); });
}

void Publisher::on_answer(const IntentPtr& intent, int attempt,
                          const Result<ModelLog::Placed>& placed) {
  if (placed) {
    // Also when it comes late: it is a promise.
    ledger_.acked(log_, intent->draft.stream, placed->epoch, placed->seq, intent->draft.payload);
    world_.note("acked", {number_, intent->draft.stream.value, placed->seq.value});
  }
  if (intent->waiting != attempt) return;
  if (placed) return close(intent, "done");
  if (placed.error().kind == ErrorKind::unavailable) return again(intent);
  if (!intent->may_be_in) ledger_.rejected(intent->draft.payload);
  close(intent, "rejected");
}

void Publisher::on_silence(const IntentPtr& intent, int attempt) {
  if (intent->waiting != attempt) return;
  intent->may_be_in = true;
  if (intent->draft.key.empty()) return close(intent, "unknown");
  again(intent);
}

void Publisher::again(const IntentPtr& intent) {
  intent->waiting = 0;
  world_.after(world_.between(0, 100), [this, intent] { attempt(intent); });
}

void Publisher::close(const IntentPtr& intent, std::string_view how) {
  intent->waiting = 0;
  --open_;
  world_.note(how, {number_, count_});
}

}  // namespace indaba::stream::simulation
