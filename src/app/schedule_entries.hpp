// What of the product's background work comes again and again: the one place where it is declared.
//
// Every process that has a scheduler has these entries, and the operator's from its configuration;
// they must be the same everywhere, because the one that leads drops what it does not know.
#pragma once

#include "app/config.hpp"
#include "job/schedule_entry.hpp"

namespace indaba::app {

// Tasks that keep the house, and belong to no feature. `database` outlives `registry`.
void declare_house_tasks(job::Registry& registry, db::Database& database);

[[nodiscard]] std::vector<job::Entry> product_schedule();
// Those and the operator's. The error is a sentence for the operator, who named a task that nobody
// knows, or gave an entry a name of the product's.
[[nodiscard]] Result<std::vector<job::Entry>> whole_schedule(const Config& config,
                                                             const job::Registry& registry);

}  // namespace indaba::app
