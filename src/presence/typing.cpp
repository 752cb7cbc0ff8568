#include "presence/typing.hpp"

#include "base/json.hpp"
#include "base/json_write.hpp"

namespace indaba::presence {

namespace {

constexpr std::string_view kType = "typing";
constexpr std::string_view kIsTyping = "\"is_typing\":true";

// Of a sign's body, as tell() writes it.
std::string username_in(std::string_view body) {
  const auto parsed =
      json::parse("{" + std::string(body.substr(std::min<std::size_t>(1, body.size()))) + "}");
  if (!parsed) return {};
  const auto* user = parsed->as_object().if_contains("user");
  const auto* object = user == nullptr ? nullptr : user->if_object();
  const auto* name = object == nullptr ? nullptr : object->if_contains("username");
  return name != nullptr && name->is_string() ? std::string(name->as_string()) : std::string();
}

}  // namespace

void Typing::tell(Key key, Entry& entry, bool is_typing) {
  std::string body = R"(,"user":{)";
  json::append_member(body, "id", key.user);
  json::append_member(body, "username", entry.username);
  body += '}';
  json::append_member(body, "is_typing", is_typing);
  entry.shown = is_typing;
  if (is_typing) entry.told_at = clock_.mono();
  publisher_.publish_sign(key.stream, std::string(kType), std::move(body), key.user);
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

void Typing::heard(const stream::Event& sign) {
  if (sign.type != kType || !sign.except) return;
  const auto now = clock_.mono();
  const Key key{sign.stream, sign.except};
  const bool typing = sign.body.ends_with(kIsTyping);
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() && (!typing || entries_.size() >= kMost)) return;
  auto& entry = entries_[key];
  entry.shown = typing;
  if (typing) {
    entry.username = username_in(sign.body);
    entry.told_at = now;
    entry.until = now + kLasts;
  } else {
    entry.typing = false;
  }
}

void Typing::sweep() {
  const auto now = clock_.mono();
  const std::scoped_lock lock(mutex_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto& [key, entry] = *it;
    if (entry.typing && (entry.until <= now || !connected_(key.user))) end(key, entry);
    if (entry.typing && !entry.shown && may_tell(entry, now)) tell(key, entry, true);
    // Remembered for its second, so that whoever flickers is not told more often; and what another
    // node shows as long as it does.
    const bool over = !entry.typing && may_tell(entry, now) && (!entry.shown || entry.until <= now);
    it = over ? entries_.erase(it) : std::next(it);
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
