// OpenSessions: which session is open on which loop, so that resuming it elsewhere can end the
// older connection. Any thread.
#pragma once

#include "base/executor.hpp"
#include "base/ids.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace indaba::gateway {

class Session;

class OpenSessions {
 public:
  struct Open {
    Executor* executor = nullptr;
    std::weak_ptr<Session> session;
  };

  // The connection that had this session until now, if there is one. `uuid` is the text that the
  // session itself holds.
  std::optional<Open> replace(UserId user, std::string_view uuid, Open open);
  [[nodiscard]] std::optional<Open> find(UserId user, std::string_view uuid) const;
  // Only where it is still this session's.
  void remove(UserId user, std::string_view uuid, const Session* session);

 private:
  struct Known {
    Open open;
    const Session* session;
  };
  // The uuid's text is the session's own: it leaves before it goes.
  struct Key {
    UserId user;
    std::string_view uuid;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<std::string_view>{}(key.uuid) * 31 + std::hash<UserId>{}(key.user);
    }
  };
  mutable std::mutex mutex_;
  std::unordered_map<Key, Known, KeyHash> open_;
};

}  // namespace indaba::gateway
