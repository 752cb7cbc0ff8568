#include "http/chunk_decoder.hpp"

#include <algorithm>
#include <charconv>

namespace indaba::http {
namespace {

constexpr std::size_t kMaxSizeLine = 256;  // with extensions
constexpr std::size_t kMaxTrailers = 8 * 1024;
constexpr std::size_t kMaxSizeDigits = 16;

bool has_control_character(std::string_view line) noexcept {
  return std::any_of(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
  });
}

}  // namespace

bool ChunkDecoder::take_line(std::string_view& in, std::size_t max_bytes, bool& complete) {
  const std::size_t newline = in.find('\n');
  const std::string_view piece = in.substr(0, newline);
  if (line_.size() + piece.size() > max_bytes) return false;
  line_.append(piece);
  in.remove_prefix(newline == std::string_view::npos ? in.size() : newline + 1);
  if (newline == std::string_view::npos) return true;
  if (!line_.ends_with('\r')) return false;
  line_.pop_back();
  complete = true;
  return !has_control_character(line_);
}

ChunkDecoder::Status ChunkDecoder::read_size_line(std::size_t room) {
  const char* const begin = line_.data();
  const char* const end = begin + line_.size();
  // from_chars takes neither "+" nor "0x", but it takes "-".
  if (line_.empty() || line_.front() == '-') return Status::broken;
  const auto [digits_end, ec] = std::from_chars(begin, end, remaining_, 16);
  if (ec != std::errc{} || static_cast<std::size_t>(digits_end - begin) > kMaxSizeDigits)
    return Status::broken;
  if (digits_end != end && *digits_end != ';') return Status::broken;
  line_.clear();
  if (remaining_ > room) return Status::too_large;
  phase_ = remaining_ == 0 ? Phase::trailer : Phase::data;
  return Status::need_more;
}

ChunkDecoder::Status ChunkDecoder::feed(std::string_view& in, std::string& out, std::size_t limit) {
  while (phase_ != Phase::done && !in.empty()) {
    if (phase_ == Phase::data) {
      const std::string_view piece =
          in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, in.size())));
      out.append(piece);
      in.remove_prefix(piece.size());
      remaining_ -= piece.size();
      if (remaining_ == 0) phase_ = Phase::data_end;
      continue;
    }
    const std::size_t max_bytes = phase_ == Phase::size       ? kMaxSizeLine
                                  : phase_ == Phase::data_end ? 1
                                                              : kMaxTrailers - trailer_bytes_;
    bool complete = false;
    if (!take_line(in, max_bytes, complete)) return Status::broken;
    if (!complete) return Status::need_more;
    if (phase_ == Phase::size) {
      const std::size_t room = limit > out.size() ? limit - out.size() : 0;
      if (const Status status = read_size_line(room); status != Status::need_more) return status;
    } else if (phase_ == Phase::data_end) {
      phase_ = Phase::size;
    } else if (line_.empty()) {
      phase_ = Phase::done;
    } else {
      trailer_bytes_ += line_.size();
      line_.clear();
    }
  }
  return phase_ == Phase::done ? Status::done : Status::need_more;
}

}  // namespace indaba::http
