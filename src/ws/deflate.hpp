// permessage-deflate (RFC 7692): what is agreed on, and the compressor and decompressor of a loop.
//
// Always without context takeover on both sides: no memory a connection, and a published event is
// compressed once for all who get it. An offer that asks for more than the one compressor of a loop
// can do is declined.
#pragma once

#include "http/message.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace indaba::ws {

inline constexpr int kMaxWindowBits = 15;

struct DeflateAgreement {
  int server_max_window_bits = kMaxWindowBits;
  bool answer_window_bits = false;  // the client asked, so the answer says it
};

// The first offer in the request's Sec-WebSocket-Extensions that can be accepted; none where there
// is no such offer, or the header breaks its grammar. `window_bits` is what the loop's Deflater
// uses: an offer of a smaller server window is declined.
[[nodiscard]] std::optional<DeflateAgreement> negotiate_deflate(const http::Headers& headers,
                                                                int window_bits = kMaxWindowBits);

// The answer's Sec-WebSocket-Extensions.
[[nodiscard]] std::string to_header(const DeflateAgreement& agreement);

// Lives on one loop and serves all its connections, one message after the other.
class Deflater {
 public:
  // `window_bits` from 9 to 15; `level` as in zlib.
  explicit Deflater(int window_bits = kMaxWindowBits, int level = 3);
  Deflater(Deflater&&) noexcept;
  Deflater& operator=(Deflater&&) noexcept;
  ~Deflater();

  // The payload of a frame with RSV1. The view is good until the next call.
  [[nodiscard]] std::string_view deflate(std::string_view message);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Inflated {
  enum class Status : unsigned char { ok, too_big, corrupt };
  Status status = Status::ok;
  std::string_view bytes;  // good until the next call
};

// Lives on one loop and serves all its connections, one message after the other.
class Inflater {
 public:
  Inflater();
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) noexcept;
  ~Inflater();

  // Stops as soon as the message would be longer than `max_bytes`.
  [[nodiscard]] Inflated inflate(std::string_view compressed, std::size_t max_bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace indaba::ws
