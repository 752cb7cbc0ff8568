#include "job/schedule_entry.hpp"

#include <fmt/format.h>

namespace indaba::job {

namespace {

std::optional<WallTime> newest(const Every& every, WallTime after, WallTime now) {
  const auto count = (now - after) / every.interval;
  return count > 0 ? std::optional(after + count * every.interval) : std::nullopt;
}

// Looks back further and further, so that years of minutes need not be counted.
std::optional<WallTime> newest(const At& at, WallTime after, WallTime now) {
  for (Millis back = std::chrono::minutes(1);; back *= 2) {
    const bool all = now - after <= back;
    auto slot = at.crontab.next(all ? after : now - back, at.zone);
    if (slot > now) {
      if (all) return std::nullopt;
      continue;
    }
    for (auto later = slot; later <= now; later = at.crontab.next(slot, at.zone)) slot = later;
    return slot;
  }
}

}  // namespace

std::string to_text(const Timing& timing) {
  if (const auto* at = std::get_if<At>(&timing))
    return fmt::format("{} {}", at->crontab.text(), at->zone.name());
  const auto interval = std::get<Every>(timing).interval;
  if (interval % Millis(1000) == Millis(0))
    return fmt::format("every {}s", interval.count() / 1000);
  return fmt::format("every {}ms", interval.count());
}

WallTime next_slot(const Timing& timing, WallTime after) {
  if (const auto* at = std::get_if<At>(&timing)) return at->crontab.next(after, at->zone);
  return after + std::get<Every>(timing).interval;
}

std::optional<WallTime> newest_slot(const Timing& timing, WallTime after, WallTime now) {
  if (now <= after) return std::nullopt;
  return std::visit([&](const auto& one) { return newest(one, after, now); }, timing);
}

std::vector<WallTime> slots_between(const Timing& timing, WallTime after, WallTime now,
                                    std::size_t most) {
  std::vector<WallTime> slots;
  for (auto slot = next_slot(timing, after); slot <= now; slot = next_slot(timing, slot)) {
    if (slots.size() == most) return {*newest_slot(timing, after, now)};
    slots.push_back(slot);
  }
  return slots;
}

}  // namespace indaba::job
