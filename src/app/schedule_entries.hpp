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

// Those of the node itself (node_tasks.cpp).
inline constexpr std::string_view kTrim = "trim-events";
inline constexpr std::string_view kArchive = "archive-logs";
inline constexpr std::string_view kCleanUp = "clean-up";
inline constexpr std::string_view kEndSessions = "end-sessions";

// `archives`: old events are written down before they go.
[[nodiscard]] std::vector<job::Entry> product_schedule(bool archives);
// Those and the operator's. The error is a sentence for the operator, who named a task that nobody
// knows, or gave an entry a name of the product's.
[[nodiscard]] Result<std::vector<job::Entry>> whole_schedule(const Config& config,
                                                             const job::Registry& registry,
                                                             bool archives);

}  // namespace indaba::app
