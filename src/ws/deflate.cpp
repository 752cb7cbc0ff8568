#include "ws/deflate.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cstdint>
#include <new>
#include <zlib.h>

namespace indaba::ws {
namespace {

// The empty stored block that ends a flushed message; it is not sent (RFC 7692, section 7.2.1).
constexpr std::string_view kTail{"\x00\x00\xff\xff", 4};
// A buffer that one large message has blown up is not kept for ever.
constexpr std::size_t kKeptBuffer = 256 * 1024;
constexpr std::size_t kFirstBuffer = 4 * 1024;

// zlib's interface is not const, but it does not write to its input.
Bytef* input_of(std::string_view bytes) noexcept {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

void give_back_large(std::string& buffer) {
  if (buffer.capacity() <= kKeptBuffer) return;
  buffer.clear();
  buffer.shrink_to_fit();
}

}  // namespace

struct Deflater::State {
  z_stream stream{};
  std::string out;

  State(int window_bits, int level) {
    // Memory level 8 is zlib's default; raw deflate is asked for by a negative window.
    const int rc = deflateInit2(&stream, level, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY);
    if (rc == Z_MEM_ERROR) throw std::bad_alloc();
    check(rc == Z_OK, "a deflater's window is 9 to 15 bits and its level 0 to 9");
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { deflateEnd(&stream); }
};

Deflater::Deflater(int window_bits, int level)
    : state_(std::make_unique<State>(window_bits, level)) {}
Deflater::Deflater(Deflater&&) noexcept = default;
Deflater& Deflater::operator=(Deflater&&) noexcept = default;
Deflater::~Deflater() = default;

std::string_view Deflater::deflate(std::string_view message) {
  z_stream& stream = state_->stream;
  std::string& out = state_->out;
  give_back_large(out);
  deflateReset(&stream);
  // A flush adds at most one stored block's header and a few bits to what zlib itself says is
  // enough.
  out.resize(deflateBound(&stream, static_cast<uLong>(message.size())) + 16);
  stream.next_in = input_of(message);
  stream.avail_in = static_cast<uInt>(message.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int rc = ::deflate(&stream, Z_SYNC_FLUSH);
  check(rc == Z_OK && stream.avail_in == 0 && stream.avail_out > 0,
        "a flush into a buffer that is large enough ends at once");
  out.resize(out.size() - stream.avail_out);
  check(out.ends_with(kTail), "a flushed message ends with an empty stored block");
  return std::string_view(out).substr(0, out.size() - kTail.size());
}

struct Inflater::State {
  z_stream stream{};
  std::string out;

  State() {
    if (inflateInit2(&stream, -kMaxWindowBits) != Z_OK) throw std::bad_alloc();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { inflateEnd(&stream); }

  [[nodiscard]] Inflated::Status feed(std::string_view piece, std::size_t max_bytes,
                                      std::size_t& used);
  // Between two blocks, or behind a last one (zlib.h on `data_type`).
  [[nodiscard]] bool at_block_boundary() const noexcept {
    return (static_cast<unsigned>(stream.data_type) & 128U) != 0;
  }
};

Inflater::Inflater() : state_(std::make_unique<State>()) {}
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;
Inflater::~Inflater() = default;

Inflated::Status Inflater::State::feed(std::string_view piece, std::size_t max_bytes,
                                       std::size_t& used) {
  stream.next_in = input_of(piece);
  stream.avail_in = static_cast<uInt>(piece.size());
  while (true) {
    // One byte of room above the limit tells a message that ends there from one that goes on.
    if (used == out.size()) {
      const std::size_t ceiling = max_bytes == SIZE_MAX ? max_bytes : max_bytes + 1;
      out.resize(std::min(ceiling, std::max(kFirstBuffer, out.size() * 2)));
    }
    const std::size_t room = out.size() - used;
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(room);
    const int rc = ::inflate(&stream, Z_SYNC_FLUSH);
    used += room - stream.avail_out;
    if (used > max_bytes) return Inflated::Status::too_big;
    if (rc == Z_STREAM_END) {
      // A block that calls itself the last one may be followed by others (RFC 7692,
      // section 7.2.3.4).
      if (stream.avail_in == 0) return Inflated::Status::ok;
      inflateReset(&stream);
      continue;
    }
    if (rc != Z_OK && rc != Z_BUF_ERROR) return Inflated::Status::corrupt;
    if (stream.avail_out > 0) return Inflated::Status::ok;  // the input is used up
  }
}

Inflated Inflater::inflate(std::string_view compressed, std::size_t max_bytes) {
  State& s = *state_;
  give_back_large(s.out);
  inflateReset(&s.stream);
  std::size_t used = 0;
  auto status = s.feed(compressed, max_bytes, used);
  if (status == Inflated::Status::ok) status = s.feed(kTail, max_bytes, used);
  if (status == Inflated::Status::ok && !s.at_block_boundary()) status = Inflated::Status::corrupt;
  if (status != Inflated::Status::ok) return {status, {}};
  return {Inflated::Status::ok, std::string_view(s.out).substr(0, used)};
}

}  // namespace indaba::ws
