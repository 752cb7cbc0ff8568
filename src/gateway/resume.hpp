// ResumeStore: sessions that may come back under their `session_uuid`: what they followed, how far,
// and their count.
//
// In memory while the process runs, and in the database for other nodes and the time after a
// restart, written behind in batches: a position may come back older than it was, never newer. What
// a session follows comes back whole or not at all: see withdraw(). Bounded in memory and in time.
// Any thread; coroutines on a loop.
#pragma once

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/log.hpp"
#include "base/task.hpp"
#include "db/database.hpp"
#include "gateway/live_subscriptions.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace indaba::gateway {

struct SavedSession {
  UserId user;
  std::string uuid;
  std::int64_t count = 0;
  std::vector<SavedPosition> positions;
  WallTime saved_at{};
  bool withdrawn = false;  // it came to follow more than was saved: nothing to go back to
};

// Which of two states of one session is the newer one: a count only grows, a clock may be
// another's. After one that was withdrawn its client may have begun to count anew.
[[nodiscard]] std::optional<SavedSession> newer(std::optional<SavedSession> one,
                                                std::optional<SavedSession> other);

class ResumeStore {
 public:
  ResumeStore(db::Database& database, const Clock& clock, Millis ttl, Logger& log)
      : database_(database), clock_(clock), ttl_(ttl), log_(log) {}

  // What an open connection saves is for the database; it is asked itself as long as it is there.
  // What a closed one leaves is kept in memory too, since most come back within seconds.
  enum class Connection : unsigned char { open, closed };
  void save(SavedSession session, Connection connection);
  // What was saved for this user under this id, at most `ttl` ago, or that it was withdrawn. Errors
  // of the database count as "unknown": a session then starts anew, and the client's own `since`
  // still holds.
  Task<std::optional<SavedSession>> find(UserId user, std::string uuid);
  // The same from memory alone: what this node knows.
  [[nodiscard]] std::optional<SavedSession> remembered(UserId user, std::string_view uuid);
  // Another node goes on with it: what is in memory of it, which is forgotten here.
  [[nodiscard]] std::optional<SavedSession> take(UserId user, std::string_view uuid);
  // The session is about to follow more than was saved of it: after a crash it must not come back
  // without that, which its client would never notice. Until the next save() that is all that is
  // known of it. `count`: of its frames, now. Where the database cannot be written there is a word
  // in the log: the session goes on.
  Task<void> withdraw(UserId user, std::string uuid, std::int64_t count);
  // Writes what changed since the last time, and now and then deletes what is too old. On a loop,
  // twice a second.
  Task<void> flush();

 private:
  struct Entry {
    SavedSession session;
    Connection connection = Connection::closed;
    bool written = false;
  };
  [[nodiscard]] static std::string key(UserId user, std::string_view uuid);
  [[nodiscard]] bool fresh(const SavedSession& session) const {
    return clock_.wall() - session.saved_at <= ttl_;
  }
  [[nodiscard]] static Result<void> write_row(db::WriteTx& tx, const SavedSession& session);
  [[nodiscard]] std::vector<SavedSession> take_unwritten();
  void on_written(const std::vector<SavedSession>& batch);
  void on_not_written(const std::vector<SavedSession>& batch);
  void forget_old();

  static constexpr std::size_t kMaxInMemory = 100'000;
  static constexpr std::size_t kBatch = 256;

  db::Database& database_;
  const Clock& clock_;
  const Millis ttl_;
  Logger& log_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> sessions_;  // guarded by mutex_
  std::vector<std::string> unwritten_;               // keys; guarded by mutex_
  WallTime purged_at_{};
};

}  // namespace indaba::gateway
