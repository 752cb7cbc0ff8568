// Processes: the forked client processes, for as long as the run lasts. They die with it.
#pragma once

#include "base/result.hpp"
#include "bench/plan.hpp"
#include "bench/shared.hpp"

#include <sys/types.h>
#include <vector>

namespace indaba::bench {

class Processes {
 public:
  explicit Processes(SharedRun& shared) : shared_(shared) {}
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  [[nodiscard]] Result<void> start(const Plan& plan);
  // An error where one has ended before its time.
  [[nodiscard]] Result<void> check();
  // Waits for their end, at most so long.
  [[nodiscard]] Result<void> wait(double seconds);
  [[nodiscard]] const std::vector<pid_t>& pids() const noexcept { return pids_; }

 private:
  [[nodiscard]] Error failure_of(std::size_t process) const;

  SharedRun& shared_;
  std::vector<pid_t> pids_;
  std::vector<bool> ended_;
};

// Raises the limit of descriptors as far as it goes; an error where that is not enough.
[[nodiscard]] Result<void> make_room_for_descriptors(const Plan& plan);

}  // namespace indaba::bench
