// Problem details (RFC 9457): an Error as an answer, in the caller's language.
//
// The body is {"type","title","status","detail","code","request_id","errors":[…]}. `Error::log`
// never gets in here; an internal error says nothing but that it happened.
#pragma once

#include "base/result.hpp"
#include "http/message.hpp"
#include "http/router.hpp"

#include <string_view>

namespace indaba::http {

[[nodiscard]] int status_of(ErrorKind kind) noexcept;

// "Not Found" for 404; "" for a status that we never send.
[[nodiscard]] std::string_view status_phrase(int status) noexcept;

// `language` is one of ours ("en", "af"); see http/phrases.hpp. A 401 says how to sign in, a 429
// and a 503 say when to come back, and a 429 also which limit it was.
[[nodiscard]] Response problem(const Error& error, std::string_view language,
                               std::string_view request_id);

// A request that could not be read, by the status that the parser gave it (400, 408, 413, 414, 431,
// 501).
[[nodiscard]] Response unreadable(int status, std::string_view sentence,
                                  std::string_view request_id);

// 405, with the methods that the path does know.
[[nodiscard]] Response method_not_allowed(MethodSet allowed, std::string_view language,
                                          std::string_view request_id);

}  // namespace indaba::http
