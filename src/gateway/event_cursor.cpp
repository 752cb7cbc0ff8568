#include "gateway/event_cursor.hpp"

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace indaba::gateway {

namespace {

constexpr std::size_t kCodeBytes =
    9;  // 72 bits: a cursor is no secret, it only must not be forged by chance or curiosity
constexpr std::size_t kMaxCursor = 16 * 1024;

}  // namespace

std::string EventCursor::code_of(std::string_view text) const {
  return crypto::hmac_sha256(key_, text).substr(0, kCodeBytes);
}

std::string EventCursor::seal(const std::vector<Position>& positions) const {
  std::string text;
  for (const auto& position : positions) {
    if (!text.empty()) text += '\n';
    text += position.stream + ' ' + std::to_string(position.seq.value) + ' ' + position.epoch;
    if (position.id.value != 0) text += ' ' + std::to_string(position.id.value);
  }
  return text::to_base64url(code_of(text) + text);
}

Result<std::vector<Position>> EventCursor::open(std::string_view cursor) const {
  const Error wrong(ErrorKind::malformed, "The cursor is not one that this server gave out.");
  if (cursor.size() > kMaxCursor) return wrong;
  const auto bytes = text::from_base64url(cursor);
  if (!bytes || bytes->size() < kCodeBytes) return wrong;
  const std::string_view text = std::string_view(*bytes).substr(kCodeBytes);
  if (!crypto::equal(code_of(text), std::string_view(*bytes).substr(0, kCodeBytes))) return wrong;
  std::vector<Position> positions;
  for (const auto line : text::split(text, '\n')) {
    const auto parts = text::split(line, ' ');
    if (parts.size() != 3 && parts.size() != 4) return wrong;
    const auto seq = text::parse_int64(parts[1]);
    const auto id = parts.size() == 4 ? text::parse_int64(parts[3]) : 0;
    if (!seq || !id || (parts.size() == 4 && *id == 0)) return wrong;
    positions.push_back({std::string(parts[0]), Seq(*seq), std::string(parts[2]), StreamId(*id)});
  }
  return positions;
}

}  // namespace indaba::gateway
