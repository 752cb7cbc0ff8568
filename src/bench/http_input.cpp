#include "bench/http_input.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstring>

namespace indaba::bench {

namespace {

constexpr std::size_t kMostHeadBytes = 64 * 1024;

void take_header(std::string_view line, AnswerHead& head) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const auto name = line.substr(0, colon);
  const auto value = text::trim(line.substr(colon + 1));
  if (text::equal_ignoring_case(name, "transfer-encoding")) {
    head.chunked = text::to_lower(value).ends_with("chunked");
  } else if (text::equal_ignoring_case(name, "content-length")) {
    if (const auto length = text::parse_int64(value); length && *length >= 0)
      head.length = static_cast<std::size_t>(*length);
  } else if (text::equal_ignoring_case(name, "sec-websocket-accept")) {
    head.accept = value;
  } else if (text::equal_ignoring_case(name, "sec-websocket-extensions")) {
    head.extensions = value;
  }
}

}  // namespace

HeadStatus read_head(std::string_view bytes, AnswerHead& head) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos)
    return bytes.size() > kMostHeadBytes ? HeadStatus::broken : HeadStatus::incomplete;
  head = {};
  head.size = end + 4;
  auto rest = bytes.substr(0, end + 2);
  const auto line_end = rest.find("\r\n");
  const auto status_line = rest.substr(0, line_end);
  const auto status =
      status_line.size() < 12 ? std::nullopt : text::parse_int64(status_line.substr(9, 3));
  if (!status_line.starts_with("HTTP/1.") || !status) return HeadStatus::broken;
  head.status = static_cast<int>(*status);
  rest.remove_prefix(line_end + 2);
  while (!rest.empty()) {
    const auto next = rest.find("\r\n");
    take_header(rest.substr(0, next), head);
    rest.remove_prefix(next + 2);
  }
  return HeadStatus::complete;
}

void ChunkDecoder::take_size_byte(char c) {
  const auto lower = text::lower(c);
  if (c == '\n') return end_size_line();
  if (c == '\r') return;
  if (c == ';' || c == ' ' || c == '\t') {
    state_ = State::extension;
    return;
  }
  const int digit = lower >= '0' && lower <= '9'   ? lower - '0'
                    : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                   : -1;
  if (digit < 0 || left_ >> 56U != 0) {
    state_ = State::broken;
    return;
  }
  left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
  has_digit_ = true;
}

void ChunkDecoder::end_size_line() {
  state_ = !has_digit_ ? State::broken : left_ == 0 ? State::trailer : State::data;
  has_digit_ = false;
  line_is_empty_ = true;
}

std::size_t ChunkDecoder::decode(std::span<char> bytes) {
  std::size_t out = 0;
  for (std::size_t at = 0; at < bytes.size() && !ended() && !broken();) {
    if (state_ == State::data) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
      if (out != at) std::memmove(&bytes[out], &bytes[at], size);
      out += size;
      at += size;
      left_ -= size;
      if (left_ == 0) state_ = State::data_end;
      continue;
    }
    const char c = bytes[at++];
    if (state_ == State::size) {
      take_size_byte(c);
    } else if (state_ == State::extension) {
      if (c == '\n') end_size_line();
    } else if (state_ == State::data_end) {
      if (c == '\n') state_ = State::size;
    } else if (c == '\n') {  // a trailer's line
      if (line_is_empty_) state_ = State::ended;
      line_is_empty_ = true;
    } else if (c != '\r') {
      line_is_empty_ = false;
    }
  }
  return out;
}

std::optional<std::string_view> take_block(std::string_view& bytes) {
  std::size_t at = 0;
  while ((at = bytes.find('\n', at)) != std::string_view::npos) {
    auto behind = at + 1;
    if (behind < bytes.size() && bytes[behind] == '\r') ++behind;
    if (behind >= bytes.size()) return std::nullopt;
    if (bytes[behind] == '\n') {
      const auto block = bytes.substr(0, at);
      bytes.remove_prefix(behind + 1);
      return block;
    }
    at = behind;
  }
  return std::nullopt;
}

}  // namespace indaba::bench
