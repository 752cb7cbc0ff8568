#include "stream/tail.hpp"

namespace indaba::stream {

std::shared_ptr<Rendering> Tail::add(EventPtr event) {
  if (!run_.empty()) {
    const Seq newest = run_.back()->event().seq;
    if (event->seq <= newest) return nullptr;
    if (event->seq != newest.next()) clear();
  }
  bytes_ += cost(*event);
  run_.push_back(std::make_shared<Rendering>(std::move(event)));
  while (run_.size() > 1 && (run_.size() > kMaxEvents || bytes_ > kMaxBytes)) drop_oldest();
  return run_.back();
}

Rendering* Tail::find(Seq seq) const noexcept {
  if (run_.empty()) return nullptr;
  const auto offset = seq.value - run_.front()->event().seq.value;
  if (offset < 0 || offset >= static_cast<std::int64_t>(run_.size())) return nullptr;
  return run_[static_cast<std::size_t>(offset)].get();
}

void Tail::trim(Seq oldest) {
  while (!run_.empty() && run_.front()->event().seq < oldest) drop_oldest();
}

void Tail::clear() {
  run_.clear();
  bytes_ = 0;
}

void Tail::drop_oldest() {
  bytes_ -= cost(run_.front()->event());
  run_.pop_front();
}

}  // namespace indaba::stream
