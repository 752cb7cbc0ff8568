#include "api/cursor.hpp"

#include "base/crypto.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

namespace indaba::api {

namespace {
constexpr std::size_t kCodeBytes = 16;
}

std::string Cursors::code_of(std::int64_t position, std::string_view list) const {
  return crypto::hmac_sha256(key_, fmt::format("{}\n{}", position, list)).substr(0, kCodeBytes);
}

std::string Cursors::seal(std::int64_t position, std::string_view list) const {
  return text::to_base64url(code_of(position, list) + std::to_string(position));
}

Result<std::int64_t> Cursors::open(std::string_view cursor, std::string_view list) const {
  const Error wrong(ErrorKind::malformed, "This cursor does not belong to this list.");
  const auto bytes = text::from_base64url(cursor);
  if (!bytes || bytes->size() <= kCodeBytes) return wrong;
  const auto position = text::parse_int64(std::string_view(*bytes).substr(kCodeBytes));
  if (!position) return wrong;
  if (!crypto::equal(std::string_view(*bytes).substr(0, kCodeBytes), code_of(*position, list)))
    return wrong;
  return *position;
}

}  // namespace indaba::api
