#include "db/group_commit.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace indaba::db {

// One change in one attempt.
struct GroupCommit::Slot {
  explicit Slot(Session& session) : tx(session) {}

  WriteTx tx;
  std::optional<Error> refused;  // failed before it wrote anything: the group goes on without it
  std::vector<Appended> appended;
};

namespace {

constexpr int kTries = 3;
constexpr Millis kLook{200};

Error from_exception(const char* what) {
  return Error::internal(fmt::format("a change threw: {}", what));
}

// A change is somebody else's code: what it throws is its own failure, never the writer's.
template <class F>
Result<void> guarded(F&& call) {
  try {
    return call();
  } catch (const std::exception& e) {
    return from_exception(e.what());
  } catch (...) {
    return from_exception("something that is no exception");
  }
}

}  // namespace

void GroupCommit::run(Changes changes) {
  int tries = 1;
  while (!changes.empty()) {
    auto trouble = attempt(changes);
    if (!trouble.error) return;
    session_.rollback();
    if (trouble.again && tries++ < kTries) {
      stats_.groups_run_again.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    if (trouble.swallowed && changes.size() == 1) return run_carefully(changes);
    if (trouble.refuse_all || changes.size() == 1) return refuse_all(changes, *trouble.error);

    stats_.groups_run_again.fetch_add(1, std::memory_order_relaxed);
    if (trouble.guilty) {
      run(changes.first(*trouble.guilty));
      run(changes.subspan(*trouble.guilty, 1));
      changes = changes.subspan(*trouble.guilty + 1);
    } else {
      run(changes.first(changes.size() / 2));
      changes = changes.subspan(changes.size() / 2);
    }
  }
}

void GroupCommit::run_carefully(Changes change) {
  session_.set_careful(true);
  run(change);
  session_.set_careful(false);
}

GroupCommit::Trouble GroupCommit::attempt(Changes changes) {
  if (auto begun = session_.begin(); !begun) return storage_trouble(std::move(begun).error());
  std::vector<Slot> slots;
  slots.reserve(changes.size());
  std::vector<StagedEvent> events;
  if (auto trouble = apply_all(changes, slots); trouble.error) return trouble;
  if (auto trouble = sequence_all(slots, events); trouble.error) return trouble;
  if (auto trouble = run_sequenced(slots); trouble.error) return trouble;
  if (auto trouble = run_last(slots); trouble.error) return trouble;
  auto outcome = CommitOutcome::committed;
  bool answered = false;
  if (auto trouble = commit(changes, outcome, answered); trouble.error) return trouble;
  stats_.group_size.observe(static_cast<double>(changes.size()));
  if (outcome == CommitOutcome::committed) {
    tell_committed(slots);
    std::erase_if(events, [](const StagedEvent& event) { return event.result.duplicate; });
    sequencer_.settled(events);
  }
  if (!answered) finish_all(changes, slots);
  if (outcome == CommitOutcome::committed && !events.empty()) sequencer_.committed(events);
  return {};
}

GroupCommit::Trouble GroupCommit::apply_all(Changes changes, std::vector<Slot>& slots) {
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto& slot = slots.emplace_back(session_);
    const auto before = session_.writes();
    auto applied = guarded([&] { return changes[i]->apply(slot.tx); });
    if (transaction_lost())
      return storage_trouble(applied
                                 ? Error(ErrorKind::unavailable, "The database cannot be written.")
                                 : std::move(applied).error());
    if (session_.aborted() && (applied || session_.went_on()))
      return {Error::internal("a change went on after a statement of it had failed"), i, false,
              false, true};
    if (applied) continue;
    if (session_.writes() != before || session_.aborted()) return {std::move(applied).error(), i};
    slot.refused = std::move(applied).error();
  }
  return {};
}

GroupCommit::Trouble GroupCommit::sequence_all(std::vector<Slot>& slots,
                                               std::vector<StagedEvent>& events) {
  std::vector<StreamId> taken;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].refused) continue;
    taken.insert(taken.end(), slots[i].tx.taken().begin(), slots[i].tx.taken().end());
    for (const auto& draft : slots[i].tx.drafts()) events.push_back({&draft, i, {}});
    for (const auto& draft : slots[i].tx.asides()) events.push_back({&draft, i, {}, true});
  }
  if (events.empty() && taken.empty()) return {};
  std::optional<std::size_t> guilty;
  auto sequenced = guarded([&] { return sequencer_.sequence(session_, events, taken, guilty); });
  if (transaction_lost())
    return storage_trouble(sequenced ? Error(ErrorKind::unavailable)
                                     : std::move(sequenced).error());
  if (!sequenced) return {std::move(sequenced).error(), guilty};
  for (const auto& event : events)
    if (!event.aside) slots[event.change].appended.push_back(event.result);
  return {};
}

GroupCommit::Trouble GroupCommit::run_sequenced(std::vector<Slot>& slots) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].refused) continue;
    for (const auto& work : slots[i].tx.sequenced()) {
      auto done = guarded([&] { return work(session_, slots[i].appended); });
      if (transaction_lost())
        return storage_trouble(done ? Error(ErrorKind::unavailable) : std::move(done).error());
      if (!done) return {std::move(done).error(), i};
    }
  }
  return {};
}

GroupCommit::Trouble GroupCommit::run_last(std::vector<Slot>& slots) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].refused) continue;
    for (const auto& work : slots[i].tx.last_works()) {
      auto done = guarded([&] { return work(session_); });
      if (transaction_lost())
        return storage_trouble(done ? Error(ErrorKind::unavailable) : std::move(done).error());
      if (!done) return {std::move(done).error(), i};
    }
  }
  return {};
}

GroupCommit::Trouble GroupCommit::commit(Changes changes, CommitOutcome& outcome, bool& answered) {
  const auto start = std::chrono::steady_clock::now();
  Error why;
  outcome = session_.commit(why);
  if (outcome == CommitOutcome::unknown) outcome = find_out(changes, why, answered);
  if (answered) return {};
  if (outcome == CommitOutcome::rolled_back) {
    // What was sent with the commit may have failed by itself: then one change is to blame.
    if (!transaction_lost() && why.kind != ErrorKind::unavailable) return {std::move(why)};
    return storage_trouble(std::move(why));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  stats_.commit_seconds.observe(took.count());
  return {};
}

CommitOutcome GroupCommit::find_out(Changes changes, Error& why, bool& answered) {
  auto outcome = session_.resolve(kPatience, why);
  if (!outcome)
    broken_invariant(
        "The disk failed while a commit was written, and it cannot be known whether the commit is "
        "there. The process ends so that nobody is told a guess; start it again once the disk is "
        "well: " +
        why.log);
  if (*outcome != CommitOutcome::unknown) return *outcome;
  Error unknown(ErrorKind::unavailable, "outcome_unknown",
                "The database was lost while this was stored. It may be there or not; with the "
                "same key it can be sent again safely.");
  unknown.log = why.log;
  unknown.retry_after = std::chrono::seconds(1);
  stats_.storage_failures.fetch_add(1, std::memory_order_relaxed);
  refuse_all(changes, unknown);
  answered = true;
  while (outcome == CommitOutcome::unknown && meanwhile_()) outcome = session_.resolve(kLook, why);
  return *outcome;
}

GroupCommit::Trouble GroupCommit::storage_trouble(Error error) {
  const bool again = session_.worth_another_try();
  if (!again) stats_.storage_failures.fetch_add(1, std::memory_order_relaxed);
  if (error.kind != ErrorKind::unavailable) {
    // Whatever the change made of it, the cause is the disk.
    Error unavailable(ErrorKind::unavailable, "The database cannot be written.");
    unavailable.log = error.log.empty() ? std::move(error.detail) : std::move(error.log);
    error = std::move(unavailable);
  }
  if (error.retry_after.count() == 0) error.retry_after = std::chrono::seconds(1);
  return {std::move(error), std::nullopt, true, again};
}

void GroupCommit::tell_committed(const std::vector<Slot>& slots) {
  for (const auto& slot : slots) {
    if (slot.refused) continue;
    for (const auto& work : slot.tx.committed()) work();
  }
}

void GroupCommit::finish_all(Changes changes, std::vector<Slot>& slots) {
  // Counted before it is answered: who has an answer finds it in the figures.
  const auto refused = static_cast<std::uint64_t>(
      std::ranges::count_if(slots, [](const auto& slot) { return slot.refused.has_value(); }));
  stats_.changes_refused.fetch_add(refused, std::memory_order_relaxed);
  stats_.changes_committed.fetch_add(changes.size() - refused, std::memory_order_relaxed);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (slots[i].refused)
      changes[i]->finish(*std::move(slots[i].refused));
    else
      changes[i]->finish(std::move(slots[i].appended));
  }
}

void GroupCommit::refuse_all(Changes changes, const Error& error) {
  stats_.changes_refused.fetch_add(changes.size(), std::memory_order_relaxed);
  for (const auto& change : changes) change->finish(error);
}

}  // namespace indaba::db
