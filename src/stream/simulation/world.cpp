#include "stream/simulation/world.hpp"

#include <algorithm>

namespace indaba::stream::simulation {

WallTime World::wall() const {
  return WallTime(std::chrono::seconds(1'768'000'000)) + now_;
}

void World::after(Millis delay, Action action) {
  if (free_actions_.empty()) {
    free_actions_.push_back(actions_.size());
    actions_.emplace_back();
  }
  const auto place = free_actions_.back();
  free_actions_.pop_back();
  actions_[place] = std::move(action);
  agenda_.push_back({(now_ + delay).count(), random_.next(), place});
  std::push_heap(agenda_.begin(), agenda_.end(), later);
}

void World::run_until(Millis when) {
  while (!agenda_.empty() && agenda_.front().when <= when.count() && violated_.empty()) {
    std::pop_heap(agenda_.begin(), agenda_.end(), later);
    const auto entry = agenda_.back();
    agenda_.pop_back();
    now_ = Millis(entry.when);
    auto action = std::move(actions_[entry.action]);
    free_actions_.push_back(entry.action);
    action();
  }
  now_ = std::max(now_, when);
}

Millis World::between(std::int64_t low, std::int64_t high) {
  return Millis(low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1))));
}

void World::mix(std::uint64_t value) noexcept {
  for (int i = 0; i < 8; ++i, value >>= 8U) hash_ = (hash_ ^ (value & 0xFFU)) * 0x100000001B3ULL;
}

void World::note(std::string_view what, std::initializer_list<std::int64_t> values) {
  mix(static_cast<std::uint64_t>(now_.count()));
  for (const char c : what) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  for (const auto value : values) mix(static_cast<std::uint64_t>(value));
  if (!print_) return;
  std::string line = fmt::format("{:>8} {}", now_.count(), what);
  for (const auto value : values) line += fmt::format(" {}", value);
  fmt::print("{}\n", line);
}

void World::violation(std::string sentence) {
  if (print_) fmt::print("{:>8} VIOLATION {}\n", now_.count(), sentence);
  if (violated_.empty()) violated_ = std::move(sentence);
}

void SimExecutor::post(Work work) {
  posted_.push_back(std::move(work));
  world_.after(world_.between(0, 2), [life = std::weak_ptr(life_)] {
    const auto self = life.lock();
    if (!self) return;
    (*self)->enter([&executor = **self] {
      auto next = std::move(executor.posted_.front());
      executor.posted_.pop_front();
      next();
    });
  });
}

void SimExecutor::run_after(Millis delay, Work work) {
  world_.after(delay + world_.between(0, 8),
               [life = std::weak_ptr(life_), work = std::move(work)]() mutable {
                 if (const auto self = life.lock()) (*self)->enter([&work] { work(); });
               });
}

}  // namespace indaba::stream::simulation
