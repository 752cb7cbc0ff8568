#include "gateway/open_sessions.hpp"

#include "gateway/session.hpp"

namespace indaba::gateway {

std::string OpenSessions::key(UserId user, std::string_view uuid) {
  return std::to_string(user.value) + '/' + std::string(uuid);
}

std::optional<OpenSessions::Open> OpenSessions::replace(UserId user, std::string_view uuid,
                                                        Open open) {
  const auto* session = open.session.lock().get();
  const std::scoped_lock lock(mutex_);
  auto& known = open_[key(user, uuid)];
  std::optional<Open> before;
  if (known.session != nullptr) before = std::move(known.open);
  known = Known{std::move(open), session};
  return before;
}

std::optional<OpenSessions::Open> OpenSessions::find(UserId user, std::string_view uuid) const {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(key(user, uuid));
  if (found == open_.end()) return std::nullopt;
  return found->second.open;
}

void OpenSessions::remove(UserId user, std::string_view uuid, const Session* session) {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(key(user, uuid));
  if (found != open_.end() && found->second.session == session) open_.erase(found);
}

}  // namespace indaba::gateway
