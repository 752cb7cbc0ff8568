// Opaque secrets that we hand out once and recognise later: refresh tokens, cookies, personal
// tokens, API keys, invitation codes.
//
// 192 bits from the CSPRNG behind a short prefix that says what it is (so that a scanner for leaked
// secrets can find it, and a look at the prefix spares a look into the database). Only SHA-256 is
// stored: the secret is random, so there is nothing to guess.
#pragma once

#include "base/random.hpp"

#include <string>
#include <string_view>

namespace indaba::auth {

inline constexpr std::string_view kCookiePrefix = "ic_";
inline constexpr std::string_view kPersonalTokenPrefix = "ip_";
inline constexpr std::string_view kApiKeyPrefix = "ik_";
inline constexpr std::string_view kRefreshPrefix = "ir_";
inline constexpr std::string_view kResetPrefix = "iw_";

[[nodiscard]] std::string new_secret(Random& random, std::string_view prefix = {});
// Hex SHA-256, as it stands in the database.
[[nodiscard]] std::string hash_secret(std::string_view secret);

}  // namespace indaba::auth
