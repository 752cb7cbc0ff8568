#include "presence/typing.hpp"

#include "base/json_write.hpp"

namespace indaba::presence {

void Typing::tell(Key key, Entry& entry, bool is_typing) {
  std::string body = R"(,"user":{)";
  json::append_member(body, "id", key.user);
  json::append_member(body, "username", entry.username);
  body += '}';
  json::append_member(body, "is_typing", is_typing);
  entry.shown = is_typing;
  if (is_typing) entry.told_at = clock_.mono();
  publisher_.publish_sign(key.stream, "typing", std::move(body), key.user);
}

void Typing::end(Key key, Entry& entry) {
  entry.typing = false;
  if (entry.shown) tell(key, entry, false);
}

void Typing::start(StreamId stream, UserId user, const std::string& username) {
  const auto now = clock_.mono();
  const Key key{stream, user};
  const std::scoped_lock lock(mutex_);
  if (entries_.size() >= kMost && !entries_.contains(key)) return;
  auto& entry = entries_[key];
  entry.username = username;
  entry.typing = true;
  entry.until = now + kLasts;
  if (may_tell(entry, now)) tell(key, entry, true);
}

void Typing::stop(StreamId stream, UserId user) {
  const Key key{stream, user};
  const std::scoped_lock lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) end(key, found->second);
}

void Typing::sweep() {
  const auto now = clock_.mono();
  const std::scoped_lock lock(mutex_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto& [key, entry] = *it;
    if (entry.typing && (entry.until <= now || !connected_(key.user))) end(key, entry);
    if (entry.typing && !entry.shown && may_tell(entry, now)) tell(key, entry, true);
    // Remembered for its second, so that whoever flickers is not told more often.
    it = !entry.typing && may_tell(entry, now) ? entries_.erase(it) : std::next(it);
  }
}

std::size_t Typing::size() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

bool is_written_on(std::string_view stream_name) noexcept {
  if (stream_name.starts_with("channels/") || stream_name.starts_with("conversations/"))
    return true;
  if (!stream_name.starts_with("orgs/")) return false;
  stream_name.remove_prefix(5);
  return stream_name.substr(std::min(stream_name.find('/'), stream_name.size()))
      .starts_with("/rooms/");
}

}  // namespace indaba::presence
