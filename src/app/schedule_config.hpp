// Entries of the schedule that operators add: [jobs.schedule.NAME] in the file.
//
//   [jobs.schedule.nightly-clean-up]
//   task = "jobs.forget"
//   crontab = "0 4 * * mon-fri"              # or every = "300s"
//   zone = "Africa/Johannesburg"             # UTC
//   arguments = { days = 30 }
//
// Its texts pass through Config as they stand there; schedule_config() understands them.
#pragma once

#include "app/config.hpp"
#include "job/schedule_entry.hpp"

#include <toml++/toml.h>

namespace indaba::app {

// The table [jobs.schedule]: appends its entries, and what is no entry to `problems`.
void read_schedule(const toml::table& table, const std::string& file,
                   std::vector<ScheduleSetting>& entries, std::vector<FieldError>& problems);

// ErrorKind::invalid, with a field for each entry that is wrong. Whether there is such a task is
// for whoever knows them (schedule_entries.hpp).
[[nodiscard]] Result<std::vector<job::Entry>> schedule_config(const Config& config);

}  // namespace indaba::app
