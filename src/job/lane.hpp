// Lane: some of a worker's slots, the queues that they serve, and what has been taken from these
// and waits for a slot.
//
// So many more than it runs are taken that no run waits for the database, and the more of them the
// shorter they are. What would wait for longer than a second is held from others for nothing: it
// goes back.
//
// A worker's own, on its executor. No input, no output.
#pragma once

#include "job/ledger.hpp"

#include <deque>

namespace indaba::job {

class Lane {
 public:
  static constexpr int kMostWaiting = 512;
  static constexpr Millis kWindow{1'000};

  // `prefetch`: how many it holds for each slot at least; 0: none, however short they are.
  Lane(std::vector<std::string> queues, int slots, int prefetch);

  [[nodiscard]] int slots() const noexcept { return slots_; }
  [[nodiscard]] const std::deque<Claimed>& waiting() const noexcept { return waiting_; }

  // There may be something to take.
  void hope() noexcept { hopes_ = true; }
  [[nodiscard]] bool wants_more(MonoTime now) const;
  // What to ask for now; and what came of it. `taken` is in the order of its urgency.
  [[nodiscard]] Wish wish();
  void took(std::vector<Claimed> taken, const Wish& wish, MonoTime asked);

  // What is to be begun, if there is a slot.
  [[nodiscard]] std::optional<Claimed> next(MonoTime now);
  void ended(MonoTime now);

  // Nothing has ended for a while, and every slot is taken.
  [[nodiscard]] bool stuck(MonoTime now) const;
  // What it cannot begin within a second, by how many ended in the last one. Asked again and again
  // while anything runs.
  [[nodiscard]] std::vector<Claimed> take_surplus(MonoTime now);
  [[nodiscard]] std::deque<Claimed> take_back() { return std::exchange(waiting_, {}); }
  [[nodiscard]] std::optional<Claimed> take_back(JobId id);

 private:
  [[nodiscard]] int free() const { return slots_ - running_; }

  const std::vector<std::string> queues_;
  const int slots_;
  const int least_;  // to have waiting
  int want_;         // to have waiting, now
  int running_ = 0;
  std::size_t turn_ = 0;  // which queue comes first
  bool hopes_ = true;
  MonoTime asked_at_{};
  MonoTime moved_at_{};  // when one began or ended
  MonoTime window_{};    // began then
  int ended_ = 0;        // since then
  std::deque<Claimed> waiting_;
};

}  // namespace indaba::job
