#include "gateway/open_sessions.hpp"

#include "gateway/session.hpp"

namespace indaba::gateway {

std::optional<OpenSessions::Open> OpenSessions::replace(UserId user, std::string_view uuid,
                                                        Open open) {
  const auto* session = open.session.lock().get();
  const std::scoped_lock lock(mutex_);
  std::optional<Open> before;
  // The key's text belongs to the session that goes: the newer one brings its own.
  if (auto old = open_.extract(Key{user, uuid})) before = std::move(old.mapped().open);
  open_.emplace(Key{user, uuid}, Known{std::move(open), session});
  return before;
}

std::optional<OpenSessions::Open> OpenSessions::find(UserId user, std::string_view uuid) const {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(Key{user, uuid});
  if (found == open_.end()) return std::nullopt;
  return found->second.open;
}

void OpenSessions::remove(UserId user, std::string_view uuid, const Session* session) {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(Key{user, uuid});
  if (found != open_.end() && found->second.session == session) open_.erase(found);
}

}  // namespace indaba::gateway
