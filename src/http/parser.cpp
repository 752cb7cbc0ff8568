#include "http/parser.hpp"

#include "base/check.hpp"
#include "http/chunk_decoder.hpp"
#include "http/request_head.hpp"

#include <algorithm>
#include <utility>

namespace indaba::http {
namespace {

using Kind = BodyFraming::Kind;

constexpr RequestError kBodyTooLarge{413, "The body is too large."};

}  // namespace

struct RequestParser::InProgress {
  explicit InProgress(const ParserLimits& limits)
      : scanner(limits.head), body_limit(limits.body_bytes) {}

  HeadScanner scanner;
  std::string head;  // only where it did not arrive in one piece
  bool head_done = false;
  Request request;
  BodyFraming framing;
  ChunkDecoder chunks;
  std::size_t body_limit;
};

RequestParser::RequestParser(const ParserLimits& limits) noexcept : limits_(&limits) {}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

std::size_t RequestParser::fail(RequestError error, std::size_t taken) {
  error_ = error;
  state_ = State::error;
  return taken;
}

std::size_t RequestParser::feed(std::string_view bytes) {
  if (state_ == State::complete || state_ == State::error) return 0;
  if (!in_progress_) {
    if (bytes.empty()) return 0;
    in_progress_ = std::make_unique<InProgress>(*limits_);
  }
  return in_progress_->head_done ? feed_body(bytes) : feed_head(bytes);
}

std::size_t RequestParser::feed_head(std::string_view bytes) {
  InProgress& p = *in_progress_;
  const std::size_t earlier = p.head.size();
  std::string_view head = bytes;
  if (earlier > 0) {
    p.head.append(bytes.substr(0, limits_->head.head_bytes + 1 - earlier));
    head = p.head;
  }
  if (const RequestError error = p.scanner.scan(head)) return fail(error, bytes.size());
  if (!p.scanner.done()) {
    if (earlier == 0) p.head = bytes;
    return bytes.size();
  }
  const std::size_t taken = p.scanner.end() - earlier;
  const RequestError error = parse_request_head(
      head.substr(p.scanner.begin(), p.scanner.end() - p.scanner.begin()), p.request, p.framing);
  if (error) return fail(error, taken);
  p.head_done = true;
  p.head = {};
  state_ = p.framing.kind == Kind::none ? State::complete : State::headers_done;
  return taken;
}

std::size_t RequestParser::feed_body(std::string_view bytes) {
  InProgress& p = *in_progress_;
  state_ = State::need_more;
  std::string& body = p.request.body;
  if (p.framing.kind == Kind::length) {
    if (p.framing.length > p.body_limit) return fail(kBodyTooLarge, 0);
    const std::size_t missing = static_cast<std::size_t>(p.framing.length) - body.size();
    const std::string_view piece = bytes.substr(0, missing);
    body.append(piece);
    if (piece.size() == missing) state_ = State::complete;
    return piece.size();
  }
  std::string_view rest = bytes;
  const auto status = p.chunks.feed(rest, body, p.body_limit);
  const std::size_t taken = bytes.size() - rest.size();
  switch (status) {
    case ChunkDecoder::Status::need_more:
      break;
    case ChunkDecoder::Status::done:
      state_ = State::complete;
      break;
    case ChunkDecoder::Status::broken:
      return fail({400, "The chunked body is not valid."}, taken);
    case ChunkDecoder::Status::too_large:
      return fail(kBodyTooLarge, taken);
  }
  return taken;
}

const Request& RequestParser::request() const noexcept {
  return in_progress_->request;
}

std::optional<std::uint64_t> RequestParser::content_length() const noexcept {
  if (in_progress_->framing.kind == Kind::chunked) return std::nullopt;
  return in_progress_->framing.length;
}

bool RequestParser::expects_continue() const noexcept {
  return in_progress_->framing.expects_continue;
}

void RequestParser::set_body_limit(std::size_t bytes) noexcept {
  in_progress_->body_limit = bytes;
}

Request RequestParser::take() {
  check(state_ == State::complete, "only a complete request is taken from its parser");
  Request request = std::move(in_progress_->request);
  in_progress_.reset();
  state_ = State::need_more;
  return request;
}

}  // namespace indaba::http
