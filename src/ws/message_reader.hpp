// MessageReader: turns the bytes of one client into messages (RFC 6455), and refuses whatever a
// client must not send.
//
// Owner: a connection; lives on its loop. The bytes are unmasked where they lie, and a message that
// arrived in one piece is handed over from there without a copy or an allocation. Memory is taken
// only while a message is split over reads or frames, and is given back with its end, so that an
// idle connection costs what `sizeof` says. Invariant: a limit is decided from a frame's header,
// before its payload is kept. Text is checked byte for byte as it arrives: the first invalid byte
// fails the connection, also inside an unfinished frame. After `stopped` or `failed` the reader
// takes nothing more.
#pragma once

#include "ws/close_code.hpp"
#include "ws/frame_header.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace indaba::ws {

class Inflater;

struct ReaderSettings {
  std::size_t max_frame_bytes = 64 * 1024;
  std::size_t max_message_bytes =
      64 * 1024;                         // of all fragments together, and once more when inflated
  std::size_t max_inflate_factor = 10;   // inflated to compressed size; 0 is no limit
  std::size_t max_fragments = 1024;      // frames of one message
  std::size_t max_empty_fragments = 16;  // of them without a payload
  bool accept_binary = true;             // else a binary message fails with 1003
};

// What a reader hands over. The bytes are the handler's for the time of the call, and may be
// changed. A handler that returns false has closed the connection (it may have destroyed the
// reader): nothing more is handed to it.
class MessageHandler {
 public:
  virtual ~MessageHandler() = default;
  virtual bool on_text(std::string_view text) = 0;  // valid UTF-8
  virtual bool on_binary(std::string_view bytes) = 0;
  virtual bool on_ping(std::string_view payload) = 0;
  virtual bool on_pong(std::string_view payload) = 0;
  // `no_status` where the frame was empty. It is the last call.
  virtual bool on_close(CloseCode code, std::string_view reason) = 0;
};

struct ReadOutcome {
  enum class Status : std::uint8_t {
    open,     // all bytes were taken, more may follow
    stopped,  // the handler said so, or a Close frame was handed over
    failed,   // close with `code`; `sentence` says why
  };
  Status status = Status::open;
  CloseCode code = CloseCode::normal;
  std::string_view sentence;
};

class MessageReader {
 public:
  // `settings` outlives the reader, and so does `inflater`: the loop's, where permessage-deflate
  // was agreed on, else null.
  explicit MessageReader(const ReaderSettings& settings, Inflater* inflater = nullptr) noexcept;
  MessageReader(MessageReader&&) noexcept;
  MessageReader& operator=(MessageReader&&) noexcept;
  ~MessageReader();

  [[nodiscard]] ReadOutcome read(std::span<char> bytes, MessageHandler& handler);

  // Bytes held for a message that is not complete.
  [[nodiscard]] std::size_t buffered_bytes() const noexcept;

 private:
  struct Partial;

  enum class Phase : std::uint8_t { header, payload, done };

  // Takes the bytes of a header off the front of `bytes`; `complete` where it has all of them.
  [[nodiscard]] ReadOutcome read_header(std::span<char>& bytes, ClientHeader& header,
                                        bool& complete);
  [[nodiscard]] ReadOutcome check_data_frame(const ClientHeader& header) const;
  [[nodiscard]] ReadOutcome read_whole_frame(const ClientHeader& header, std::span<char> payload,
                                             MessageHandler& handler);
  [[nodiscard]] ReadOutcome read_payload_piece(std::span<char>& bytes, MessageHandler& handler);
  void note_data_frame(const ClientHeader& header);
  [[nodiscard]] bool keep_data(std::string_view piece);
  [[nodiscard]] ReadOutcome end_message(MessageHandler& handler);
  [[nodiscard]] ReadOutcome inflate_and_deliver(Opcode opcode, std::string_view compressed,
                                                MessageHandler& handler);
  [[nodiscard]] ReadOutcome deliver(Opcode opcode, std::string_view payload,
                                    MessageHandler& handler);
  [[nodiscard]] ReadOutcome deliver_close(std::string_view payload, MessageHandler& handler);
  [[nodiscard]] bool in_message() const noexcept;
  [[nodiscard]] ReadOutcome stop_if_failed(ReadOutcome outcome);
  Partial& partial();

  const ReaderSettings* settings_;
  Inflater* inflater_;
  std::unique_ptr<Partial> partial_;
  std::array<char, kMaxClientHeader>
      header_bytes_{};  // of a header that is cut by the end of a read
  std::uint8_t header_size_ = 0;
  Phase phase_ = Phase::header;
};
static_assert(sizeof(MessageReader) <= 40, "a hundred thousand idle connections hold one each");

}  // namespace indaba::ws
