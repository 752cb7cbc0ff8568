// An entry of the schedule, and the arithmetic of its slots.
//
// A slot is a moment at which an entry's work is put into the queue. Intervals count from the last
// slot (the first one, from when the entry was first seen), so that they do not drift; crontabs
// have theirs in the calendar. Pure; safe on any thread.
#pragma once

#include "job/crontab.hpp"
#include "job/queue.hpp"

#include <string>
#include <variant>
#include <vector>

namespace indaba::job {

inline constexpr Millis kShortestInterval{1'000};

struct Every {
  Millis interval{};  // kShortestInterval and more
};
struct At {
  Crontab crontab;
  TimeZone zone{};
};
using Timing = std::variant<Every, At>;

struct Entry {
  std::string name;  // "forget-jobs"; one entry has it
  Timing timing;
  Wanted wanted;  // without a key and a delay: those are the slot's
};

// "every 300s", "0 4 * * mon-fri UTC". What differs here is another definition.
[[nodiscard]] std::string to_text(const Timing& timing);

[[nodiscard]] WallTime next_slot(const Timing& timing, WallTime after);
// The last one in (after, now], if there is one.
[[nodiscard]] std::optional<WallTime> newest_slot(const Timing& timing, WallTime after,
                                                  WallTime now);
// All in (after, now], in order; where they are more than `most`, the newest alone.
[[nodiscard]] std::vector<WallTime> slots_between(const Timing& timing, WallTime after,
                                                  WallTime now, std::size_t most);

}  // namespace indaba::job
