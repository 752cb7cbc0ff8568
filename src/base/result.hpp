// Result<T>: what a function returns that can fail in an expected way.
//
// An Error says three things to three readers: `kind` to the transport (which HTTP status, which
// socket error code), `code` and `detail` to the caller, and `log` to the operator. `log` never
// reaches a client, `detail` never holds a secret. Exceptions are for start-up and broken
// invariants only (see check.hpp).
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace indaba {

enum class ErrorKind : unsigned char {
  internal,         // 500: our fault; `log` says what happened
  malformed,        // 400: cannot be parsed
  unauthenticated,  // 401
  forbidden,        // 403: known, but not allowed
  not_found,        // 404: absent, or not for the caller to know
  conflict,         // 409
  too_large,        // 413
  unsupported,      // 415
  invalid,          // 422: parsed, but the values are wrong; `fields` names them
  rate_limited,     // 429: `retry_after` says when
  unavailable,      // 503: try again, `retry_after` may say when
};

// The stable slug of a kind ("not_found"), used where an error has no more special code.
[[nodiscard]] std::string_view slug(ErrorKind kind) noexcept;

struct FieldError {
  std::string field;    // path in the request, "payload.title"
  std::string code;     // "missing_field", "invalid_field", "too_long", "unknown_field", …
  std::string message;  // one English sentence
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string code;    // stable slug; empty means slug(kind)
  std::string detail;  // a sentence for the caller
  std::string log;     // for the operator only
  std::vector<FieldError> fields;
  std::chrono::milliseconds retry_after{0};
  std::int64_t limit = 0;  // of `rate_limited`: how much is allowed, where that is a number

  Error() = default;
  explicit Error(ErrorKind k, std::string detail_text = {})
      : kind(k), detail(std::move(detail_text)) {}
  Error(ErrorKind k, std::string special_code, std::string detail_text)
      : kind(k), code(std::move(special_code)), detail(std::move(detail_text)) {}

  [[nodiscard]] std::string_view code_or_slug() const noexcept {
    return code.empty() ? slug(kind) : std::string_view(code);
  }

  [[nodiscard]] static Error rate_limited(std::string sentence, std::int64_t limit,
                                          std::chrono::milliseconds retry_after) {
    Error e(ErrorKind::rate_limited, std::move(sentence));
    e.limit = limit;
    e.retry_after = retry_after;
    return e;
  }
  // An internal error: the caller is told nothing but that it happened.
  [[nodiscard]] static Error internal(std::string log_text) {
    Error e(ErrorKind::internal);
    e.log = std::move(log_text);
    return e;
  }
  [[nodiscard]] static Error invalid_field(std::string field, std::string message,
                                           std::string code = "invalid_field") {
    Error e(ErrorKind::invalid, message);
    e.fields.push_back({std::move(field), std::move(code), std::move(message)});
    return e;
  }
};

// Boost.System asks for this where a caller takes the value of a failed result: a broken invariant,
// not an expected error.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace indaba

#define INDABA_CONCAT_(a, b) a##b
#define INDABA_CONCAT(a, b) INDABA_CONCAT_(a, b)

// INDABA_TRY(auto user, find_user(id));  returns the error to the caller, or binds the value.
#define INDABA_TRY(decl, expr) INDABA_TRY_(decl, expr, INDABA_CONCAT(try_result_, __LINE__), return)
// The same inside a coroutine. The expression may hold one `co_await`.
#define INDABA_CO_TRY(decl, expr) \
  INDABA_TRY_(decl, expr, INDABA_CONCAT(try_result_, __LINE__), co_return)
#define INDABA_TRY_(decl, expr, tmp, leave) \
  auto tmp = (expr);                        \
  if (!tmp) leave std::move(tmp).error();   \
  decl = *std::move(tmp)

// INDABA_CHECK_OK(validate(x));  for Result<void>.
#define INDABA_TRY_VOID(expr) INDABA_TRY_VOID_(expr, INDABA_CONCAT(try_result_, __LINE__), return)
#define INDABA_CO_TRY_VOID(expr) \
  INDABA_TRY_VOID_(expr, INDABA_CONCAT(try_result_, __LINE__), co_return)
#define INDABA_TRY_VOID_(expr, tmp, leave) \
  auto tmp = (expr);                       \
  if (!tmp) leave std::move(tmp).error()
