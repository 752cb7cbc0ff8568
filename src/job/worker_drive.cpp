// How a worker comes to its jobs.
#include "job/worker_state.hpp"

namespace indaba::job {

namespace {

constexpr Millis kClaimAgainAfter{500};

// What lasts has slots of its own, and none of it is held for later.
std::vector<Lane> lanes_of(const WorkerOptions& options) {
  auto queues = options.queues;
  const auto lasting = std::erase(queues, kLongQueue) > 0;
  std::vector<Lane> lanes;
  if (!queues.empty()) lanes.emplace_back(queues, options.concurrency, options.prefetch);
  if (lasting)
    lanes.emplace_back(std::vector{std::string(kLongQueue)},
                       queues.empty() ? options.concurrency : options.long_concurrency, 0);
  return lanes;
}

int slots_of(std::span<const Lane> lanes) {
  int slots = 0;
  for (const auto& lane : lanes) slots += lane.slots();
  return slots;
}

}  // namespace

Worker::State::State(Parts p, WorkerOptions o)
    : parts(p),
      options(std::move(o)),
      ledger(parts.database, parts.random, options.name, options.alive),
      lanes(lanes_of(options)),
      pool(std::make_unique<ThreadPool>(slots_of(lanes))) {}

void Worker::State::begin() {
  next_beat = parts.clock.mono();
  poke();
}

void Worker::State::poke() {
  start_waiting();
  if (driving || gone) return;
  driving = true;
  spawn(drive(shared_from_this()));
}

void Worker::State::wake_in(Millis delay) {
  const auto now = parts.clock.mono();
  const auto at = now + delay;
  if (wakes_at > now && wakes_at <= at) return;
  wakes_at = at;
  parts.executor.run_after(delay, [self = shared_from_this()] { self->poke(); });
}

void Worker::State::due_in(Millis delay) {
  if (delay > options.beat) return;  // by then it is asked anyway
  parts.executor.run_after(delay, [self = shared_from_this()] {
    self->hope();
    self->poke();
  });
}

void Worker::State::hope() {
  for (auto& lane : lanes) lane.hope();
}

bool Worker::State::wants_more() const {
  const auto now = parts.clock.mono();
  return !leaving && may_run() && now >= next_claim &&
         std::ranges::any_of(lanes, [now](const Lane& lane) { return lane.wants_more(now); });
}

bool Worker::State::may_run() const {
  return outcomes.size() + effects.size() < kMostUnrecorded;
}

Task<void> Worker::State::drive(std::shared_ptr<State> self) {
  for (;;) {
    bool well = true;
    if (self->gone) break;
    if (!self->open) {
      auto opening = self->ledger.open();
      const auto opened = co_await opening;
      self->open = well = opened.has_value();
    } else if (self->parts.clock.mono() >= self->next_beat) {
      auto beating = self->beat();
      well = co_await beating;
    } else if (self->wants_more()) {
      auto claiming = self->claim();
      well = co_await claiming;
    } else {
      break;
    }
    if (well) continue;
    self->wake_in(kClaimAgainAfter);
    self->driving = false;
    co_return;
  }
  self->driving = false;
  if (!self->gone) self->wake_in(std::max(self->next_beat - self->parts.clock.mono(), Millis(1)));
}

Task<bool> Worker::State::beat() {
  std::set<JobId> held;
  for (const auto& lane : lanes)
    for (const auto& claimed : lane.waiting()) held.insert(claimed.id);
  for (const auto& [id, run] : runs) held.insert(id);
  for (const auto& outcome : outcomes) held.insert(outcome.id);
  held.insert(effects.begin(), effects.end());
  auto beating = ledger.beat(std::move(held));
  const auto heard = co_await beating;
  if (!heard) co_return false;
  next_beat = parts.clock.mono() + options.beat;
  if (heard->ready) hope();
  for (const auto id : heard->cancelling) stop_run(id, Run::Why::cancelled);
  for (const auto id : heard->lost) {
    if (const auto found = runs.find(id); found != runs.end()) lose(found->second);
    for (auto& lane : lanes) std::ignore = lane.take_back(id);
  }
  if (heard->next_due && *heard->next_due < options.beat) due_in(*heard->next_due + Millis(1));
  co_return true;
}

Task<bool> Worker::State::claim() {
  const auto asked = parts.clock.mono();
  std::vector<Lane*> asking;
  std::vector<Wish> wishes;
  for (auto& lane : lanes) {
    if (!lane.wants_more(asked)) continue;
    asking.push_back(&lane);
    wishes.push_back(lane.wish());
  }
  auto claiming = ledger.claim(wishes);
  auto taken = co_await claiming;
  if (!taken) {
    for (auto* lane : asking) lane->hope();
    next_claim = parts.clock.mono() + kClaimAgainAfter;
    next_beat = std::min(next_beat, next_claim);  // gives back what may have been taken
    co_return false;
  }
  for (auto& some : taken->of_wishes)
    for (auto& claimed : some)
      if (claimed.left) claimed.late_at = asked + *claimed.left;
  for (std::size_t i = 0; i < asking.size(); ++i)
    asking[i]->took(std::move(taken->of_wishes[i]), wishes[i], asked);
  if (taken->more_due) hope();
  start_waiting();
  co_return true;
}

}  // namespace indaba::job
