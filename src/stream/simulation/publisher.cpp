#include "stream/simulation/publisher.hpp"

#include <array>

namespace indaba::stream::simulation {

namespace {
// Some give up before a writer does that has to find out, and some after it.
constexpr std::array kAnswersWithin{Millis(120), Millis(2'500)};
}  // namespace

void Publisher::publish_later() {
  parts_.world.after(parts_.world.between(1, 40 * parts_.pace), [this] {
    if (stopping_) return;
    publish();
    publish_later();
  });
}

void Publisher::publish() {
  const auto payload = fmt::format("p{}-{}", parts_.number, ++count_);
  const auto stream = parts_.streams[parts_.world.below(parts_.streams.size())];
  auto intent = std::make_shared<Intent>(
      Intent{{stream, payload, parts_.world.chance(60) ? "key-" + payload : ""}});
  parts_.ledger.attempted(payload);
  ++open_;
  attempt(intent);
}

void Publisher::attempt(const IntentPtr& intent) {
  const int number = ++intent->attempts;
  intent->waiting = number;
  parts_.world.after(parts_.world.between(0, 15), [this, intent, number] {
    auto* writer = parts_.writer();
    if (writer == nullptr) return;  // nobody listens there: silence
    writer->submit({{intent->draft}}, [this, intent, number](Result<Placed> placed) {
      // The answer too may be lost on its way.
      if (!stopping_ && parts_.world.chance(5)) return;
      parts_.world.after(parts_.world.between(0, 15),
                         [this, intent, number, placed = std::move(placed)] {
                           on_answer(intent, number, placed);
                         });
    });
  });
  parts_.world.after(kAnswersWithin[parts_.world.below(2)],
                     [this, intent, number] { on_silence(intent, number); });
}

void Publisher::on_answer(const IntentPtr& intent, int attempt, const Result<Placed>& placed) {
  if (placed) {
    // Also when it comes late: it is a promise.
    parts_.ledger.acked(parts_.log, intent->draft.stream, placed->epoch, placed->seq,
                        intent->draft.payload);
    parts_.world.note("acked", {parts_.number, intent->draft.stream.value, placed->seq.value});
  }
  if (intent->waiting != attempt) return;
  if (placed) return close(intent, "done");
  if (placed.error().code == "outcome_unknown") return on_silence(intent, attempt);
  if (placed.error().kind == ErrorKind::unavailable) return again(intent);
  if (!intent->may_be_in) parts_.ledger.rejected(intent->draft.payload);
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
  parts_.world.after(parts_.world.between(0, 100), [this, intent] { attempt(intent); });
}

void Publisher::close(const IntentPtr& intent, std::string_view how) {
  intent->waiting = 0;
  --open_;
  parts_.world.note(how, {parts_.number, count_});
}

}  // namespace indaba::stream::simulation
