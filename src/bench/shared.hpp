// What the processes of a run share: one anonymous mapping, made before the fork.
//
// RunBlock is written by the parent (and, where it says so, by the first process), a ProcessBlock
// by its process alone. All of it is atomics that start as zero; nobody waits for anybody but by an
// eventfd.
#pragma once

#include "base/loop_counter.hpp"
#include "bench/histogram.hpp"
#include "bench/plan.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::bench {

enum class Phase : std::uint32_t {
  start,     // nothing yet
  connect,   // everyone opens and becomes ready
  ready,     // nothing is sent
  load,      // senders send
  drain,     // nothing more is sent; what is under way arrives
  cut,       // reconnect: readers drop their connections
  missed,    // reconnect: senders publish what readers will have missed
  comeback,  // reconnect: readers open again, from where they were
  end,       // what has not come is counted as missing, processes end
};

// How often what went wrong, by a short word. Rare, and of few kinds.
class ErrorTable {
 public:
  void add(std::string_view what) noexcept;
  struct Entry {
    std::string what;
    std::uint64_t count = 0;
  };
  [[nodiscard]] std::vector<Entry> entries() const;

 private:
  struct Slot {
    std::array<char, 48> what{};
    LoopCounter count;
  };
  std::array<Slot, 32> slots_{};  // the last one takes all that have none
  LoopCounter used_;
};

struct RunBlock {
  std::atomic<Phase> phase{Phase::start};
  std::atomic<std::int64_t> phase_began{0};
  // Events sent between these two are measured.
  std::atomic<std::int64_t> measure_from{INT64_MAX};
  std::atomic<std::int64_t> measure_until{INT64_MAX};
  std::atomic<std::int64_t> cut_at{0};      // reconnect: when everyone was cut
  std::atomic<std::int64_t> target_seq{0};  // reconnect: who has this is back
  // By the first process: the last number of each publisher, and up to where it has given up.
  std::array<std::atomic<std::int64_t>, kMostPublishers> published{};
  std::array<std::atomic<std::int64_t>, kMostPublishers> written_off{};
};

struct alignas(64) ProcessBlock {
  std::atomic<Phase> reached{Phase::start};
  LoopCounter ready;    // connections that became ready, of both roles
  LoopCounter failed;   // that did not
  LoopCounter lost;     // that ended after they were ready
  LoopCounter readers;  // that are still connected
  LoopCounter sent;
  LoopCounter answered;
  LoopCounter deliveries;
  LoopCounter caught_up;
  LoopCounter positions;  // see DeliveryCheck
  LoopCounter late;       // sends later than intended, by our own fault
  LoopCounter stalls;     // the window was given up
  LoopCounter missing, doubled, out_of_order;
  LoopCounter seq_checked, seq_missing, seq_doubled, seq_out_of_order;
  LoopCounter outstanding;                      // sent and not answered
  std::atomic<std::int64_t> last_ready{0};      // when the last connection became ready
  std::atomic<std::int64_t> last_caught_up{0};  // when the last reader was back
  std::atomic<std::int64_t> last_seq{0};        // the highest that an answer told
  std::array<std::atomic<std::int64_t>, kMostPublishers> done{};
  Histogram connect;
  Histogram latency;  // of an event; of its answer where nobody reads
  Histogram answer;   // fanout: of the answer to the sender
  ErrorTable errors;
  std::array<char, 256> failure{};  // why the process gave up
  std::atomic<bool> has_failure{false};
};

class SharedRun {
 public:
  explicit SharedRun(std::size_t processes);  // throws std::system_error
  ~SharedRun();
  SharedRun(const SharedRun&) = delete;
  SharedRun& operator=(const SharedRun&) = delete;

  [[nodiscard]] RunBlock& run() noexcept { return *run_; }
  [[nodiscard]] ProcessBlock& process(std::size_t i) noexcept { return processes_[i]; }
  [[nodiscard]] std::size_t size() const noexcept { return wakers_.size(); }
  // Readable when the process is to look at the blocks again.
  [[nodiscard]] int waker(std::size_t process) const noexcept { return wakers_[process]; }
  void wake(std::size_t process) noexcept;
  void enter(Phase phase, std::int64_t now) noexcept;  // and wakes everyone

 private:
  std::size_t bytes_;
  void* memory_;
  RunBlock* run_;
  ProcessBlock* processes_;
  std::vector<int> wakers_;
};

}  // namespace indaba::bench
