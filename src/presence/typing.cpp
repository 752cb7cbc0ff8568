#include "presence/typing.hpp"

#include "base/json.hpp"
#include "base/json_write.hpp"

#include <algorithm>

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
  entry.devices.clear();
  if (entry.shown) tell(key, entry, false);
}

Typing::Device Typing::new_device() {
  const std::scoped_lock lock(mutex_);
  return ++last_device_ == 0 ? ++last_device_ : last_device_;
}

void Typing::gone(Device device) {
  const std::scoped_lock lock(mutex_);
  gone_.push_back(device);
}

void Typing::start(StreamId stream, UserId user, const std::string& username, Device device) {
  const auto now = clock_.mono();
  const Key key{stream, user};
  const std::scoped_lock lock(mutex_);
  if (entries_.size() >= kMost && !entries_.contains(key)) return;
  auto& entry = entries_[key];
  entry.username = username;
  entry.typing = true;
  if (std::ranges::find(entry.devices, device) == entry.devices.end())
    entry.devices.push_back(device);
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
    entry.devices.clear();
  }
}

// Of all that went, in one walk: thousands go at once where a network does.
void Typing::forget_gone() {
  if (gone_.empty()) return;
  std::ranges::sort(gone_);
  for (auto& [key, entry] : entries_) {
    if (!entry.typing) continue;
    std::erase_if(entry.devices,
                  [&](Device device) { return std::ranges::binary_search(gone_, device); });
    if (entry.devices.empty()) end(key, entry);
  }
  gone_.clear();
}

void Typing::sweep() {
  const auto now = clock_.mono();
  const std::scoped_lock lock(mutex_);
  forget_gone();
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto& [key, entry] = *it;
    const bool ours = entry.typing;
    if ((ours || entry.shown) && entry.until + (ours ? Millis(0) : kGrace) <= now) end(key, entry);
    if (entry.typing && !entry.shown && may_tell(entry, now)) tell(key, entry, true);
    // Remembered for its second, so that whoever flickers is not told more often.
    const bool over = !entry.typing && !entry.shown && may_tell(entry, now);
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
