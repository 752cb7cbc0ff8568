#include "api/shared_rates.hpp"

#include "cluster/wire.hpp"

namespace indaba::api {

namespace {

constexpr std::size_t kMessage = 256 * 1024;
// No rule's window is longer, and no key is.
constexpr Millis kLongest = std::chrono::hours(24);
constexpr std::size_t kLongestKey = 512;

}  // namespace

SharedRates::SharedRates(RateLimiter& limiter, cluster::Cluster& cluster)
    : limiter_(limiter), cluster_(cluster) {
  limiter.keep_uses();
  cluster.listen(cluster::Topic::rates, [this](NodeId, std::string_view body) { hear(body); });
}

void SharedRates::tell() {
  const auto uses = limiter_.take_uses();
  if (cluster_.alone()) return;
  cluster::WireWriter out;
  for (const auto& use : uses) {
    out.byte(use.forgotten ? 1 : 0).text(use.key).number(use.window.count()).number(use.used);
    if (out.size() >= kMessage) cluster_.tell_all(cluster::Topic::rates, out.take());
  }
  if (out.size() > 0) cluster_.tell_all(cluster::Topic::rates, out.take());
}

void SharedRates::hear(std::string_view body) {
  cluster::WireReader in(body);
  while (in.ok() && !in.at_end()) {
    RateUse use;
    use.forgotten = in.byte() == 1;
    use.key = in.text();
    use.window = Millis(in.number());
    const auto used = in.number();
    if (!in.ok() || used < 0 || used > UINT32_MAX || use.window > kLongest ||
        use.key.size() > kLongestKey)
      return;
    use.used = static_cast<std::uint32_t>(used);
    limiter_.count(use);
  }
}

}  // namespace indaba::api
