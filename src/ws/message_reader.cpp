#include "ws/message_reader.hpp"

#include "base/text.hpp"
#include "ws/deflate.hpp"
#include "ws/utf8.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace indaba::ws {
namespace {

using Status = ReadOutcome::Status;

constexpr std::string_view kNotUtf8 = "text is not valid UTF-8";

ReadOutcome open() noexcept {
  return {};
}
ReadOutcome stopped() noexcept {
  return {Status::stopped, CloseCode::normal, {}};
}
ReadOutcome failed(CloseCode code, std::string_view sentence) noexcept {
  return {Status::failed, code, sentence};
}

std::string_view view(std::span<const char> bytes) noexcept {
  return {bytes.data(), bytes.size()};
}

}  // namespace

// What is kept while a message, or a frame of it, is split. A control frame may come between two
// fragments, and be split itself, so it has a place of its own.
struct MessageReader::Partial {
  bool in_message = false;
  bool compressed = false;
  Opcode opcode = Opcode::text;
  Utf8Validator text;
  std::size_t fragments = 0;
  std::size_t empty_fragments = 0;
  std::string data;

  ClientHeader frame;  // the one whose payload is being read
  std::uint64_t taken = 0;
  std::uint8_t control_size = 0;
  std::array<char, kMaxControlPayload> control{};
};

MessageReader::MessageReader(const ReaderSettings& settings, Inflater* inflater) noexcept
    : settings_(&settings), inflater_(inflater) {}
MessageReader::MessageReader(MessageReader&&) noexcept = default;
MessageReader& MessageReader::operator=(MessageReader&&) noexcept = default;
MessageReader::~MessageReader() = default;

std::size_t MessageReader::buffered_bytes() const noexcept {
  return header_size_ + (partial_ ? partial_->data.size() + partial_->control_size : 0);
}

bool MessageReader::in_message() const noexcept {
  return partial_ && partial_->in_message;
}

MessageReader::Partial& MessageReader::partial() {
  if (!partial_) partial_ = std::make_unique<Partial>();
  return *partial_;
}

ReadOutcome MessageReader::stop_if_failed(ReadOutcome outcome) {
  if (outcome.status == Status::failed) {
    phase_ = Phase::done;
    partial_.reset();
  }
  return outcome;
}

ReadOutcome MessageReader::read(std::span<char> bytes, MessageHandler& handler) {
  if (phase_ == Phase::done) return stopped();
  while (!bytes.empty()) {
    ReadOutcome outcome;
    if (phase_ == Phase::payload) {
      outcome = read_payload_piece(bytes, handler);
    } else {
      ClientHeader header;
      bool complete = false;
      outcome = read_header(bytes, header, complete);
      if (outcome.status == Status::open && complete && !is_control(header.opcode))
        outcome = check_data_frame(header);
      if (outcome.status != Status::open) return stop_if_failed(outcome);
      if (!complete) return open();

      if (bytes.size() >= header.payload_size) {
        const auto payload = bytes.first(static_cast<std::size_t>(header.payload_size));
        bytes = bytes.subspan(payload.size());
        apply_mask(payload, header.mask, 0);
        outcome = read_whole_frame(header, payload, handler);
      } else {
        if (!is_control(header.opcode)) note_data_frame(header);
        partial().frame = header;
        partial().taken = 0;
        phase_ = Phase::payload;
      }
    }
    if (outcome.status == Status::stopped) return outcome;  // the reader may be gone
    if (outcome.status == Status::failed) return stop_if_failed(outcome);
  }
  return open();
}

ReadOutcome MessageReader::read_header(std::span<char>& bytes, ClientHeader& header,
                                       bool& complete) {
  std::span<const char> source = bytes;
  const std::size_t kept = header_size_;
  if (kept > 0 || bytes.size() < kMaxClientHeader) {
    const std::size_t more = std::min(bytes.size(), kMaxClientHeader - kept);
    std::copy_n(bytes.data(), more, header_bytes_.data() + kept);
    source = std::span<const char>(header_bytes_).first(kept + more);
  }
  const HeaderParse parse = parse_client_header(source, header);
  switch (parse.status) {
    case HeaderStatus::broken:
      return failed(CloseCode::protocol_error, parse.broken_rule);
    case HeaderStatus::need_more:
      header_size_ = static_cast<std::uint8_t>(source.size());
      bytes = {};
      return open();
    case HeaderStatus::done:
      break;
  }
  header_size_ = 0;
  bytes = bytes.subspan(parse.size - kept);
  complete = true;
  return open();
}

ReadOutcome MessageReader::check_data_frame(const ClientHeader& header) const {
  if (header.opcode == Opcode::continuation) {
    if (!in_message()) return failed(CloseCode::protocol_error, "there is nothing to continue");
    if (header.rsv1) return failed(CloseCode::protocol_error, "a continuation has RSV1 set");
  } else {
    if (in_message())
      return failed(CloseCode::protocol_error, "a message starts inside another one");
    if (header.rsv1 && inflater_ == nullptr)
      return failed(CloseCode::protocol_error, "compression was not agreed on");
    if (header.opcode == Opcode::binary && !settings_->accept_binary)
      return failed(CloseCode::unsupported_data, "only text is understood here");
  }
  const std::size_t so_far = in_message() ? partial_->data.size() : 0;
  if (header.payload_size > settings_->max_frame_bytes)
    return failed(CloseCode::message_too_big, "the frame is too large");
  if (so_far > settings_->max_message_bytes ||
      header.payload_size > settings_->max_message_bytes - so_far)
    return failed(CloseCode::message_too_big, "the message is too large");
  if (header.fin && !in_message()) return open();
  const std::size_t fragments = in_message() ? partial_->fragments : 0;
  const std::size_t empty = in_message() ? partial_->empty_fragments : 0;
  if (fragments >= settings_->max_fragments ||
      (header.payload_size == 0 && empty >= settings_->max_empty_fragments))
    return failed(CloseCode::message_too_big, "the message has too many fragments");
  return open();
}

void MessageReader::note_data_frame(const ClientHeader& header) {
  Partial& p = partial();
  if (!p.in_message) {
    p.in_message = true;
    p.opcode = header.opcode;
    p.compressed = header.rsv1;
    p.text.reset();
    p.fragments = 0;
    p.empty_fragments = 0;
  }
  ++p.fragments;
  if (header.payload_size == 0) ++p.empty_fragments;
}

bool MessageReader::keep_data(std::string_view piece) {
  Partial& p = *partial_;
  if (p.opcode == Opcode::text && !p.compressed && !p.text.feed(piece)) return false;
  p.data.append(piece);
  return true;
}

ReadOutcome MessageReader::read_whole_frame(const ClientHeader& header, std::span<char> payload,
                                            MessageHandler& handler) {
  if (is_control(header.opcode)) return deliver(header.opcode, view(payload), handler);
  if (header.fin && !in_message()) {
    if (header.rsv1) return inflate_and_deliver(header.opcode, view(payload), handler);
    if (header.opcode == Opcode::text && !text::is_utf8(view(payload)))
      return failed(CloseCode::invalid_payload, kNotUtf8);
    return deliver(header.opcode, view(payload), handler);
  }
  note_data_frame(header);
  if (!keep_data(view(payload))) return failed(CloseCode::invalid_payload, kNotUtf8);
  return header.fin ? end_message(handler) : open();
}

ReadOutcome MessageReader::read_payload_piece(std::span<char>& bytes, MessageHandler& handler) {
  Partial& p = *partial_;
  const std::uint64_t missing = p.frame.payload_size - p.taken;
  const auto piece =
      bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), missing)));
  bytes = bytes.subspan(piece.size());
  apply_mask(piece, p.frame.mask, p.taken);
  p.taken += piece.size();
  const bool frame_ends = p.taken == p.frame.payload_size;
  if (frame_ends) phase_ = Phase::header;

  if (is_control(p.frame.opcode)) {
    std::copy(piece.begin(), piece.end(), p.control.begin() + p.control_size);
    p.control_size = static_cast<std::uint8_t>(p.control_size + piece.size());
    if (!frame_ends) return open();
    const Opcode opcode = p.frame.opcode;
    const std::string payload(p.control.data(), std::exchange(p.control_size, std::uint8_t{0}));
    if (!p.in_message) partial_.reset();
    return deliver(opcode, payload, handler);
  }
  if (!keep_data(view(piece))) return failed(CloseCode::invalid_payload, kNotUtf8);
  return frame_ends && p.frame.fin ? end_message(handler) : open();
}

ReadOutcome MessageReader::end_message(MessageHandler& handler) {
  const std::unique_ptr<Partial> whole = std::move(partial_);
  if (whole->compressed) return inflate_and_deliver(whole->opcode, whole->data, handler);
  if (whole->opcode == Opcode::text && !whole->text.complete())
    return failed(CloseCode::invalid_payload, kNotUtf8);
  return deliver(whole->opcode, whole->data, handler);
}

ReadOutcome MessageReader::inflate_and_deliver(Opcode opcode, std::string_view compressed,
                                               MessageHandler& handler) {
  std::size_t limit = settings_->max_message_bytes;
  const std::size_t factor = settings_->max_inflate_factor;
  if (factor > 0 && compressed.size() <= std::numeric_limits<std::size_t>::max() / factor)
    limit = std::min(limit, compressed.size() * factor);
  const Inflated inflated = inflater_->inflate(compressed, limit);
  switch (inflated.status) {
    case Inflated::Status::corrupt:
      return failed(CloseCode::invalid_payload, "compressed data is broken");
    case Inflated::Status::too_big:
      return failed(CloseCode::message_too_big, "the message is too large when inflated");
    case Inflated::Status::ok:
      break;
  }
  if (opcode == Opcode::text && !text::is_utf8(inflated.bytes))
    return failed(CloseCode::invalid_payload, kNotUtf8);
  return deliver(opcode, inflated.bytes, handler);
}

ReadOutcome MessageReader::deliver(Opcode opcode, std::string_view payload,
                                   MessageHandler& handler) {
  if (opcode == Opcode::close) return deliver_close(payload, handler);
  // The handler may destroy this reader, or be called from something that reads on: until it comes
  // back with "go on", it is done.
  phase_ = Phase::done;
  bool go_on = false;
  switch (opcode) {
    case Opcode::text:
      go_on = handler.on_text(payload);
      break;
    case Opcode::binary:
      go_on = handler.on_binary(payload);
      break;
    case Opcode::ping:
      go_on = handler.on_ping(payload);
      break;
    case Opcode::pong:
      go_on = handler.on_pong(payload);
      break;
    case Opcode::continuation:
    case Opcode::close:
      break;
  }
  if (!go_on) return stopped();
  phase_ = Phase::header;
  return open();
}

ReadOutcome MessageReader::deliver_close(std::string_view payload, MessageHandler& handler) {
  auto code = CloseCode::no_status;
  std::string_view reason;
  if (payload.size() == 1) return failed(CloseCode::protocol_error, "a close payload of one byte");
  if (payload.size() >= 2) {
    const auto number = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) * 256U +
                                                   static_cast<unsigned char>(payload[1]));
    if (!is_valid_received_code(number))
      return failed(CloseCode::protocol_error, "the close code is not valid");
    code = CloseCode{number};
    reason = payload.substr(2);
    if (!text::is_utf8(reason))
      return failed(CloseCode::invalid_payload, "the close reason is not valid UTF-8");
  }
  phase_ = Phase::done;
  partial_.reset();
  static_cast<void>(handler.on_close(code, reason));
  return stopped();
}

}  // namespace indaba::ws
