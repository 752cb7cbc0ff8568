// The engine on simulated time: the real Hub and LocalHubs, a log that crashes and a network that
// misbehaves, by a seed.
//
// run() ends at the first thing that may not happen, or when all faults are over and every reader
// has everything.
#pragma once

#include "stream/simulation/faults.hpp"

#include <cstdint>
#include <string>

namespace indaba::stream::simulation {

struct Report {
  std::string violated;  // empty: all held
  std::uint64_t trace_hash = 0;
  std::size_t acks = 0;
  int crashes = 0;
  int restores = 0;
};

[[nodiscard]] Report run(std::uint64_t seed, Plant plant = Plant::none, bool print = false);

}  // namespace indaba::stream::simulation
