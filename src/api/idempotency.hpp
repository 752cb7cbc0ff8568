// Idempotency-Key: the same request twice is one change and one answer.
//
// An answer is kept for 24 hours under (caller, method and path, key), in the transaction of the
// change where the handler uses Once::keep(), else right after it. A second request with the same
// key gets that answer again; with another body it is a 422; while the first one still runs it is a
// 409. Any thread; what runs now is a set in memory, and the table's primary key decides between
// processes.
#pragma once

#include "api/call.hpp"
#include "api/once.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "db/database.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace indaba::api {

struct Once::Key {
  std::string caller;     // "user:7", "key:3"
  std::string path;       // "POST /api/v1/orgs/acme/tasks"
  std::string key;        // what the client chose
  std::string body_hash;  // SHA-256, hex
  WallTime now{};
  // Set on the writer's thread when the answer stands in the change's transaction.
  mutable std::atomic<bool> kept{false};
};

class Idempotency {
 public:
  static constexpr Millis kKeepFor = std::chrono::hours(24);

  // Both must outlive this.
  Idempotency(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  Idempotency(const Idempotency&) = delete;

  // Marks a key as running for as long as it lives.
  class Running {
   public:
    Running() = default;
    Running(Idempotency* owner, std::string id) : owner_(owner), id_(std::move(id)) {}
    Running(Running&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), id_(std::move(other.id_)) {}
    Running& operator=(Running&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Running();

   private:
    Idempotency* owner_ = nullptr;
    std::string id_;
  };
  struct Begun {
    Once once;                         // for the handler
    std::optional<KeptAnswer> replay;  // or the answer to give at once
    Running running;
  };

  // `header` is the Idempotency-Key as sent. Errors: malformed (no usable key), invalid
  // `idempotency_conflict` (another body), conflict (still running).
  Task<Result<Begun>> begin(std::string caller, std::string path, std::string header,
                            std::string_view body);
  // Keeps an answer that the handler did not keep itself. Answers that may differ next time (429,
  // 5xx) are not kept.
  Task<Result<void>> keep_if_absent(Once once, KeptAnswer answer);
  // Forgets up to `limit` answers that are over 24 hours old; for a schedule. The number of them.
  Task<Result<std::int64_t>> purge(std::int64_t limit);

 private:
  db::Database& database_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_set<std::string> running_;
};

// The key inside the header: unquoted, or a quoted string (the draft standard's form); 1 to 255
// visible ASCII characters.
[[nodiscard]] std::optional<std::string> parse_idempotency_key(std::string_view header);

// "user:7" or "key:3"; none for a stranger, whose keys mean nothing.
[[nodiscard]] std::optional<std::string> idempotency_caller(const auth::Principal& principal);

}  // namespace indaba::api
