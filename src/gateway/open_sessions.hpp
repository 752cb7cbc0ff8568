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
#include <unordered_set>

namespace indaba::gateway {

class Session;

class OpenSessions {
 public:
  struct Open {
    Executor* executor = nullptr;
    std::weak_ptr<Session> session;
  };

  // The connection that had this session until now, if there is one. A session leaves by
  // remove() before it goes.
  std::optional<Open> replace(Session& session);
  [[nodiscard]] std::optional<Open> find(UserId user, std::string_view uuid) const;
  // Only where it is still this session's.
  void remove(Session& session);

 private:
  struct Key {
    UserId user;
    std::string_view uuid;
    friend bool operator==(const Key&, const Key&) = default;
  };
  // Sessions by user and uuid, both of which they hold themselves.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const noexcept;
    std::size_t operator()(const Session* session) const noexcept;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Session* a, const Session* b) const noexcept;
    bool operator()(const Key& a, const Session* b) const noexcept;
    bool operator()(const Session* a, const Key& b) const noexcept { return (*this)(b, a); }
  };
  [[nodiscard]] static Key key_of(const Session& session) noexcept;

  mutable std::mutex mutex_;
  std::unordered_set<Session*, Hash, Equal> open_;  // guarded by mutex_
};

}  // namespace indaba::gateway
