// Where a request's credentials stand, and which of them count. Pure; nothing here is verified.
#pragma once

#include "http/message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace indaba::auth {

inline constexpr std::string_view kSecureCookieName = "__Host-indaba";
inline constexpr std::string_view kPlainCookieName = "indaba_session";

struct Credentials {
  enum class Source : std::uint8_t { none, header, subprotocol, query, cookie, broken };
  Source source = Source::none;
  std::string token;
};

// Authorization (`Bearer` or `Token`), else the session cookie. Another scheme, such as the Basic
// of a proxy before us, is nobody's credentials; two Authorization fields are broken ones.
[[nodiscard]] Credentials read_credentials(const http::Request& request);

// For a socket, the first that is present: the pair "Bearer", <token> among the sub-protocols;
// Authorization; ?token=; the cookie.
[[nodiscard]] Credentials read_socket_credentials(const http::Request& request);

// The one value of a cookie; nothing where it stands twice.
[[nodiscard]] std::optional<std::string> read_cookie(const http::Headers& headers,
                                                     std::string_view name);

// Set-Cookie for a session, and for the end of one. `secure`: the request came over TLS.
[[nodiscard]] std::string session_cookie(std::string_view secret, bool secure,
                                         std::chrono::seconds lifetime);
[[nodiscard]] std::string ended_session_cookie(bool secure);

}  // namespace indaba::auth
