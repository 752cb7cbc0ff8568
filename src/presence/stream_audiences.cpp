#include "presence/stream_audiences.hpp"

#include <algorithm>

namespace indaba::presence {

AudiencePtr StreamAudiences::find(StreamId stream) {
  const std::scoped_lock lock(mutex_);
  const auto found = known_.find(stream);
  if (found == known_.end() || clock_.mono() - found->second.read_at > kFresh) return nullptr;
  return found->second.audience;
}

void StreamAudiences::keep(const std::vector<AudiencePtr>& read, std::uint64_t version,
                           MonoTime read_at) {
  const std::scoped_lock lock(mutex_);
  if (version != version_) return;
  if (known_.size() + read.size() > kMost) known_.clear();
  for (const auto& audience : read) known_[audience->stream] = {audience, read_at};
}

Task<Result<std::vector<AudiencePtr>>> StreamAudiences::of(std::vector<StreamId> streams) {
  std::vector<AudiencePtr> audiences;
  std::vector<StreamId> missing;
  for (const auto stream : streams) {
    audiences.push_back(find(stream));
    if (!audiences.back()) missing.push_back(stream);
  }
  if (missing.empty()) co_return audiences;
  std::uint64_t version = 0;
  {
    const std::scoped_lock lock(mutex_);
    version = version_;
  }
  const auto now = clock_.mono();
  auto reading = source_.audiences(std::move(missing));
  auto read = co_await reading;
  if (!read) co_return std::move(read).error();
  std::vector<AudiencePtr> fresh;
  for (auto& audience : *read)
    fresh.push_back(std::make_shared<const Audience>(std::move(audience)));
  keep(fresh, version, now);
  auto next = fresh.begin();
  for (auto& audience : audiences)
    if (!audience) audience = *next++;
  co_return audiences;
}

void StreamAudiences::on_access_change(const api::AccessChange& change) {
  const std::scoped_lock lock(mutex_);
  if (const auto* closed = std::get_if<api::StreamClosed>(&change)) {
    known_.erase(closed->stream);
  } else if (const auto* out = std::get_if<api::StreamAccessEnded>(&change)) {
    known_.erase(out->stream);
  } else if (const auto* ended = std::get_if<api::MembershipEnded>(&change)) {
    std::erase_if(known_, [&](const auto& item) {
      const auto& audience = *item.second.audience;
      return audience.org == ended->org &&
             (audience.kind == Audience::Kind::org ||
              std::ranges::binary_search(audience.listed, ended->user));
    });
  } else if (std::holds_alternative<api::AccessUnknown>(change)) {
    known_.clear();
  } else {
    return;
  }
  ++version_;
}

}  // namespace indaba::presence
