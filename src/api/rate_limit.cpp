#include "api/rate_limit.hpp"

#include "base/check.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace indaba::api {

namespace {
constexpr Millis kSweepEvery{1'000};
}

RateLimiter::RateLimiter(const Clock& clock, bool enabled, std::size_t max_keys)
    : clock_(clock),
      enabled_(enabled),
      max_keys_a_shard_(std::max<std::size_t>(max_keys / kShards, 1)) {}

void RateLimiter::forget(std::string_view key) {
  auto& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  if (const auto it = shard.entries.find(key); it != shard.entries.end()) shard.entries.erase(it);
  if (auto* use = use_of(shard, key)) *use = {std::string(key), Millis(0), 0, true};
}

std::vector<RateUse> RateLimiter::take_uses() {
  std::vector<RateUse> uses;
  for (auto& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    for (auto& [key, use] : shard.uses) uses.push_back(std::move(use));
    shard.uses.clear();
  }
  return uses;
}

void RateLimiter::count(const RateUse& use) {
  auto& shard = shard_of(use.key);
  const std::scoped_lock lock(shard.mutex);
  if (use.forgotten)
    if (const auto it = shard.entries.find(use.key); it != shard.entries.end())
      shard.entries.erase(it);
  if (use.used == 0 || use.window < Millis(kSlots)) return;
  const auto now_ms = clock_.mono().time_since_epoch().count();
  auto& entry = entry_of(shard, use.key, use.window, now_ms);
  entry.used[static_cast<std::size_t>(entry.newest_slot) % kSlots] += use.used;
}

RateUse* RateLimiter::use_of(Shard& shard, std::string_view key) {
  if (!keep_uses_) return nullptr;
  if (const auto it = shard.uses.find(key); it != shard.uses.end()) return &it->second;
  if (shard.uses.size() >= max_keys_a_shard_) return nullptr;
  return &shard.uses.emplace(std::string(key), RateUse{std::string(key)}).first->second;
}

RateLimiter::Entry& RateLimiter::entry_of(Shard& shard, std::string_view key, Millis window,
                                          std::int64_t now_ms) {
  auto it = shard.entries.find(key);
  if (it == shard.entries.end()) {
    if (shard.entries.size() >= max_keys_a_shard_) make_room(shard, now_ms);
    it = shard.entries.emplace(std::string(key), Entry{}).first;
    it->second.slot_ms = window.count() / static_cast<std::int64_t>(kSlots);
    it->second.newest_slot = now_ms / it->second.slot_ms;
  }
  advance(it->second, now_ms);
  return it->second;
}

std::size_t RateLimiter::keys() const {
  std::size_t total = 0;
  for (const auto& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    total += shard.entries.size();
  }
  return total;
}

RateLimiter::Shard& RateLimiter::shard_of(std::string_view key) noexcept {
  // The upper bits: the lower ones choose the bucket inside the shard.
  return shards_[(Hash{}(key) >> 48U) % kShards];
}

RateVerdict RateLimiter::take(std::string_view key, RateRule rule) {
  if (!enabled_ || rule.limit <= 0) return {true, rule.limit, rule.limit, Millis(0)};
  check(rule.window >= Millis(kSlots), "a rate's window is longer than its slots");
  const auto now_ms = clock_.mono().time_since_epoch().count();
  auto& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  auto& entry = entry_of(shard, key, rule.window, now_ms);
  std::int64_t used = std::accumulate(entry.used.begin(), entry.used.end(), std::int64_t{0});
  RateVerdict verdict{used < rule.limit, rule.limit, 0, Millis(0)};
  if (verdict.allowed) {
    ++entry.used[static_cast<std::size_t>(entry.newest_slot) % kSlots];
    ++used;
    if (auto* use = use_of(shard, key)) {
      use->window = rule.window;
      ++use->used;
    }
  }
  verdict.remaining = std::max<std::int64_t>(rule.limit - used, 0);

  // From the oldest slot on: when has enough been given back?
  const auto wanted = verdict.allowed ? used : used - rule.limit + 1;
  std::int64_t freed = 0;
  for (auto slot = entry.newest_slot - static_cast<std::int64_t>(kSlots) + 1;
       slot <= entry.newest_slot && freed < wanted; ++slot) {
    freed += entry.used[static_cast<std::size_t>(slot) % kSlots];
    const auto ends = (slot + static_cast<std::int64_t>(kSlots)) * entry.slot_ms;
    verdict.reset = Millis(std::max<std::int64_t>(ends - now_ms, 1));
  }
  return verdict;
}

// Empties the slots that have grown a window old.
void RateLimiter::advance(Entry& entry, std::int64_t now_ms) {
  const auto slot = now_ms / entry.slot_ms;
  const auto steps = std::min<std::int64_t>(slot - entry.newest_slot, kSlots);
  for (std::int64_t i = 1; i <= steps; ++i)
    entry.used[static_cast<std::size_t>(entry.newest_slot + i) % kSlots] = 0;
  if (steps == static_cast<std::int64_t>(kSlots)) entry.used.fill(0);
  entry.newest_slot = std::max(entry.newest_slot, slot);
}

// A sweep looks at every key, so a flood of new ones may not cause one each.
void RateLimiter::make_room(Shard& shard, std::int64_t now_ms) const {
  const bool sweep = now_ms - shard.swept_ms >= kSweepEvery.count();
  if (sweep) shard.swept_ms = now_ms;
  for (auto it = shard.entries.begin(); sweep && it != shard.entries.end();) {
    advance(it->second, now_ms);
    const bool over = std::ranges::all_of(it->second.used, [](auto used) { return used == 0; });
    it = over ? shard.entries.erase(it) : std::next(it);
  }
  if (shard.entries.size() >= max_keys_a_shard_) shard.entries.erase(shard.entries.begin());
}

Result<void> charge(RateLimiter& limiter, std::string_view key, RateRule rule,
                    std::string_view sentence) {
  const auto taken = limiter.take(key, rule);
  if (taken.allowed) return {};
  return Error::rate_limited(std::string(sentence), taken.limit, taken.reset);
}

std::string rate_key_of_address(std::string_view address) {
  const std::string text(address);
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return text;
  // ::ffff:a.b.c.d is the IPv4 host that it says.
  if (IN6_IS_ADDR_V4MAPPED(&v6))
    return fmt::format("{}.{}.{}.{}", v6.s6_addr[12], v6.s6_addr[13], v6.s6_addr[14],
                       v6.s6_addr[15]);
  std::string key;
  for (int i = 0; i < 8; ++i) key += fmt::format("{:02x}", v6.s6_addr[i]);
  return key;
}

}  // namespace indaba::api
