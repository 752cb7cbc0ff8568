// What became of a task, as Celery's callers find it under "celery-task-meta-<id>" and hear it on
// the channel of the same name. Pure; any thread; nothing throws.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace indaba::job::celery {

struct Message;

// An exception as it travels. One whose module a caller does not know arrives as a class of that
// name.
struct Exception {
  std::string type;          // "NotFound"
  std::string message = {};  // JSON of one argument; empty: it has none
  std::string module = "indaba";
  std::string traceback = {};
};
[[nodiscard]] Exception builtin(std::string type, std::string_view sentence);
[[nodiscard]] Exception of_celery(std::string type, std::string_view sentence);
inline constexpr std::string_view kBilliard = "billiard.exceptions";  // the module of time limits
// "NotFound" with its sentence, without what only the log may know.
[[nodiscard]] Exception exception_of(const Error& error);
[[nodiscard]] std::string repr_of(const Exception& exception);  // NotFound('There is no such …')

enum class State : unsigned char { pending, started, progress, retry, success, failure, revoked };
[[nodiscard]] std::string_view to_string(State state) noexcept;  // "SUCCESS"

// A task's end, or where it stands.
struct Outcome {
  State state = State::pending;
  std::string result = "null";         // JSON; of success and progress
  std::optional<Exception> exception;  // of failure, retry and revoked

  [[nodiscard]] bool ended() const noexcept {
    return state == State::success || state == State::failure || state == State::revoked;
  }
};

[[nodiscard]] std::string result_key(std::string_view id);
[[nodiscard]] std::string encode(const Outcome& outcome, const Message& message, WallTime now);
// Patient with states of which Celery knows more: they are `started`.
[[nodiscard]] Result<Outcome> decode_result(std::string_view text);

}  // namespace indaba::job::celery
