#include "http/head_scanner.hpp"

#include "http/grammar.hpp"

#include <algorithm>

namespace indaba::http {
namespace {

// Room for the method, the version and two spaces beside the target.
constexpr std::size_t kRequestLineRoom = 64;
// An old client may send one behind a body, and another to be sure.
constexpr std::size_t kMaxEmptyLines = 2;

bool is_version(std::string_view text) noexcept {
  return text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
         is_digit(text[7]);
}

}  // namespace

RequestError HeadScanner::scan(std::string_view head) noexcept {
  while (!done_) {
    const std::size_t newline = head.find('\n', searched_);
    if (newline == std::string_view::npos) {
      searched_ = head.size();
      if (const RequestError error = check_length(head.size() - line_)) return error;
      if (head.size() > limits_->head_bytes) return {431, "The request head is too large."};
      return {};
    }
    // The line before the head, in both places: the reason must not depend on how the bytes were
    // cut.
    if (const RequestError error = check_length(newline - line_)) return error;
    if (newline >= limits_->head_bytes) return {431, "The request head is too large."};
    std::string_view line = head.substr(line_, newline - line_);
    if (!line.ends_with('\r')) return bad_request("A line does not end with CR LF.");
    line.remove_suffix(1);
    if (line.find('\r') != std::string_view::npos || line.find('\0') != std::string_view::npos)
      return bad_request("There is a control character in the request head.");
    line_ = searched_ = newline + 1;
    if (const RequestError error = take_line(line)) return error;
  }
  return {};
}

RequestError HeadScanner::take_line(std::string_view line) noexcept {
  if (!has_request_line_) {
    // RFC 9112, section 2.2: empty lines in front of a request line are skipped.
    if (line.empty()) {
      begin_ = line_;
      return begin_ <= kMaxEmptyLines * 2 ? RequestError{} : bad_request("There is no request.");
    }
    has_request_line_ = true;
    return check_request_line(line);
  }
  if (line.empty()) {
    done_ = true;
    return {};
  }
  if (line.front() == ' ' || line.front() == '\t') return bad_request("A header field is folded.");
  if (++fields_ > limits_->fields) return {431, "There are too many header fields."};
  return {};
}

RequestError HeadScanner::check_length(std::size_t line_bytes) const noexcept {
  if (!has_request_line_) {
    if (line_bytes > limits_->target_bytes + kRequestLineRoom)
      return {414, "The address is too long."};
  } else if (line_bytes > limits_->field_line_bytes + 1) {  // the CR may be there already
    return {431, "A header field is too large."};
  }
  return {};
}

RequestError HeadScanner::check_request_line(std::string_view line) const noexcept {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad_request("The request line is not complete.");
  const std::string_view version = line.substr(last + 1);
  if (!is_version(version)) return bad_request("The request line has no HTTP version.");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return {505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.size() > limits_->target_bytes) return {414, "The address is too long."};
  return {};
}

}  // namespace indaba::http
