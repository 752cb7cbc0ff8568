#include "gateway/gateway.hpp"

#include "base/text.hpp"

#include <array>

namespace indaba::gateway {

LoopContext& Gateway::add_loop(net::Loop& loop, stream::LocalHub& hub) {
  contexts_.push_back(std::make_unique<LoopContext>(loop, hub, initial_));
  return *contexts_.back();
}

LoopContext& Gateway::here() {
  auto* current = Executor::current();
  for (const auto& context : contexts_)
    if (&context->loop == current) return *context;
  check(false, "a live reader is opened on one of the loops");
  return *contexts_.front();
}

void Gateway::reload(const SocketSettings& settings) {
  limits.change(settings.connections);
  for (const auto& context : contexts_)
    context->loop.post([&context = *context, settings] { context.settings = settings; });
}

void Gateway::tell(const api::AccessChange& change) {
  for (const auto& context : contexts_) context->announce(change);
}

void Gateway::drain(Millis within) {
  draining_.store(true, std::memory_order_relaxed);
  for (const auto& context : contexts_) {
    context->loop.post([this, &context = *context, within] {
      // Each goes at a moment of its own, so that those who come back do not come at once.
      context.each([&](AccessHolder& holder) {
        const auto delay = static_cast<std::int64_t>(
            parts.random.below(static_cast<std::uint64_t>(within.count()) + 1));
        context.loop.run_after(Millis(delay),
                               [&context, held = &holder, reconnect = reconnect_after()] {
                                 if (context.holds(*held)) held->on_drain(reconnect);
                               });
      });
    });
  }
}

std::int64_t Gateway::reconnect_after() const {
  return 500 + static_cast<std::int64_t>(parts.random.below(2'500));
}

std::string Gateway::new_session_uuid() const {
  std::array<char, 11> bytes{};
  parts.random.fill(std::as_writable_bytes(std::span(bytes)));
  return text::to_base64url({bytes.data(), bytes.size()});
}

std::string Gateway::new_id(std::size_t bytes) const {
  std::string id(bytes, '\0');
  parts.random.fill(std::as_writable_bytes(std::span(id)));
  return text::to_hex(id);
}

}  // namespace indaba::gateway
