// Several nodes on simulated time: the product's own cluster code on one log and over one bus, both
// of which misbehave by a seed.
//
// run() ends at the first thing that may not happen. Where a seed's faults go on to the end, what
// was promised is looked for in the log; where they stop, all readers must have everything ten
// seconds later.
#pragma once

#include "stream/simulation/faults.hpp"

#include <cstdint>
#include <string>

namespace indaba::api::simulation {

struct Report {
  std::string violated;  // empty: all held
  std::uint64_t trace_hash = 0;
  std::size_t acks = 0;
  int deaths = 0;
  int restores = 0;
  int faults = 0;
};

[[nodiscard]] Report run(std::uint64_t seed,
                         stream::simulation::Plant plant = stream::simulation::Plant::none,
                         bool print = false);

}  // namespace indaba::api::simulation
