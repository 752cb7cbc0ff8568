#include "gateway/open_sessions.hpp"

#include "gateway/session.hpp"

namespace indaba::gateway {

OpenSessions::Key OpenSessions::key_of(const Session& session) noexcept {
  return {session.user(), session.session_uuid()};
}

std::size_t OpenSessions::Hash::operator()(const Key& key) const noexcept {
  return std::hash<std::string_view>{}(key.uuid) * 31 + std::hash<UserId>{}(key.user);
}
std::size_t OpenSessions::Hash::operator()(const Session* session) const noexcept {
  return (*this)(key_of(*session));
}
bool OpenSessions::Equal::operator()(const Session* a, const Session* b) const noexcept {
  return key_of(*a) == key_of(*b);
}
bool OpenSessions::Equal::operator()(const Key& a, const Session* b) const noexcept {
  return a == key_of(*b);
}

std::optional<OpenSessions::Open> OpenSessions::replace(Session& session) {
  const std::scoped_lock lock(mutex_);
  std::optional<Open> before;
  if (const auto old = open_.find(key_of(session)); old != open_.end()) {
    before = Open{&(*old)->executor(), (*old)->weak_from_this()};
    open_.erase(old);
  }
  open_.insert(&session);
  return before;
}

std::optional<OpenSessions::Open> OpenSessions::find(UserId user, std::string_view uuid) const {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(Key{user, uuid});
  if (found == open_.end()) return std::nullopt;
  return Open{&(*found)->executor(), (*found)->weak_from_this()};
}

void OpenSessions::remove(Session& session) {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(key_of(session));
  if (found != open_.end() && *found == &session) open_.erase(found);
}

}  // namespace indaba::gateway
