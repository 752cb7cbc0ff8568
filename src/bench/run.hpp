// One run: forks the client processes and leads them through the phases of the mode.
#pragma once

#include "base/result.hpp"
#include "bench/outcome.hpp"
#include "bench/plan.hpp"

namespace indaba::bench {

// `progress`: one line on standard error while it runs. An error where there is nothing to report:
// descriptors, a process that does not live, nobody could connect.
[[nodiscard]] Result<Outcome> run(const Plan& plan, bool progress);

}  // namespace indaba::bench
