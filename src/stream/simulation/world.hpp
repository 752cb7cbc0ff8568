// World: simulated time, randomness and the trace of one run, all from one seed.
//
// One thread. Actions run in the order of their time; those of the same moment in a random order,
// so that no test leans on an order that threads would not keep. Invariant: the same seed and the
// same program give the same trace, bit for bit.
#pragma once

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/random.hpp"

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::stream::simulation {

class World final : public Clock {
 public:
  using Action = std::move_only_function<void()>;

  explicit World(std::uint64_t seed, bool print = false) : random_(seed), print_(print) {}

  [[nodiscard]] WallTime wall() const override;
  // Not from 0: that is what "never" looks like.
  [[nodiscard]] MonoTime mono() const override { return MonoTime(now_ + Millis(1'000'000)); }
  [[nodiscard]] Millis now() const noexcept { return now_; }

  void after(Millis delay, Action action);
  // Runs what is due until `when`; a violation ends the run.
  void run_until(Millis when);

  [[nodiscard]] Random& random() noexcept { return random_; }
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  [[nodiscard]] Millis between(std::int64_t low, std::int64_t high);
  [[nodiscard]] bool chance(unsigned percent) { return below(100) < percent; }

  void note(std::string_view what, std::initializer_list<std::int64_t> values = {});
  void violation(std::string sentence);
  [[nodiscard]] std::uint64_t trace_hash() const noexcept { return hash_; }
  [[nodiscard]] const std::string& violated() const noexcept { return violated_; }

 private:
  struct Entry {
    std::int64_t when;
    std::uint64_t tie;
    std::size_t action;  // in actions_
  };
  static bool later(const Entry& a, const Entry& b) noexcept {
    return a.when != b.when ? a.when > b.when : a.tie > b.tie;
  }
  void mix(std::uint64_t value) noexcept;

  SeededRandom random_;
  const bool print_;
  Millis now_{0};
  std::uint64_t hash_ = 0xCBF29CE484222325ULL;  // FNV-1a
  std::vector<Entry> agenda_;                   // a heap
  std::vector<Action> actions_;
  std::vector<std::size_t> free_actions_;
  std::string violated_;  // the first one
};

// A loop of the simulated server. What was posted runs in its order; what is still waiting when the
// executor goes, never runs.
class SimExecutor final : public Executor {
 public:
  explicit SimExecutor(World& world) : world_(world), life_(std::make_shared<SimExecutor*>(this)) {}

  void post(Work work) override;
  void run_after(Millis delay, Work work) override;
  [[nodiscard]] MonoTime now() const override { return world_.mono(); }
  // Runs `work` now, as if this loop had read something from a socket.
  template <class F>
  void enter(F work) {
    auto* before = current();
    set_current(this);
    work();
    set_current(before);
  }

 private:
  World& world_;
  std::deque<Work> posted_;
  std::shared_ptr<SimExecutor*> life_;
};

}  // namespace indaba::stream::simulation
