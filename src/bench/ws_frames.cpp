#include "bench/ws_frames.hpp"

#include "base/text.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <openssl/evp.h>

namespace indaba::bench {

namespace {

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool is_known(const Frame& frame, unsigned first) {
  if ((first & 0x30U) != 0) return false;
  if (frame.opcode >= kClose) return frame.opcode <= kPong && frame.final && !frame.compressed;
  return frame.opcode <= kBinary;
}

}  // namespace

FrameStatus take_frame(std::string_view& bytes, Frame& frame) {
  if (bytes.size() < 2) return FrameStatus::incomplete;
  const auto first = byte_at(bytes, 0);
  const auto second = byte_at(bytes, 1);
  frame.opcode = static_cast<std::uint8_t>(first & 0x0FU);
  frame.final = (first & 0x80U) != 0;
  frame.compressed = (first & 0x40U) != 0;
  if (!is_known(frame, first) || (second & 0x80U) != 0) return FrameStatus::broken;
  std::size_t head = 2;
  std::uint64_t size = second;
  if (size >= 126) {
    const std::size_t length_bytes = size == 126 ? 2 : 8;
    if (frame.opcode >= kClose) return FrameStatus::broken;
    if (bytes.size() < head + length_bytes) return FrameStatus::incomplete;
    size = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) size = size << 8U | byte_at(bytes, head++);
  }
  if (bytes.size() - head < size) return FrameStatus::incomplete;
  frame.payload = bytes.substr(head, size);
  bytes.remove_prefix(head + size);
  return FrameStatus::complete;
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload, std::uint32_t mask) {
  out += static_cast<char>(0x80U | opcode);
  const auto size = payload.size();
  if (size < 126) {
    out += static_cast<char>(0x80U | size);
  } else {
    const bool is_short = size <= 0xFFFF;
    out += static_cast<char>(0x80U | (is_short ? 126U : 127U));
    for (int shift = is_short ? 8 : 56; shift >= 0; shift -= 8)
      out += static_cast<char>(size >> static_cast<unsigned>(shift) & 0xFFU);
  }
  const auto key = std::bit_cast<std::array<char, 4>>(mask);
  out.append(key.data(), key.size());
  const auto begins = out.size();
  out += payload;
  auto* at = out.data() + begins;
  const auto wide = std::uint64_t{mask} << 32U | mask;
  std::size_t done = 0;
  for (; done + 8 <= size; done += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, at + done, 8);
    eight ^= wide;
    std::memcpy(at + done, &eight, 8);
  }
  for (; done < size; ++done) at[done] = static_cast<char>(at[done] ^ key[done % 4]);
}

int close_code(std::string_view payload) {
  if (payload.size() < 2) return 1005;
  return static_cast<int>(byte_at(payload, 0) << 8U | byte_at(payload, 1));
}

std::string accept_of(std::string_view key) {
  const auto text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, EVP_sha1(), nullptr) != 1)
    return {};
  std::memcpy(digest.data(), bytes.data(), size);
  return text::to_base64(std::string_view(digest).substr(0, size));
}

}  // namespace indaba::bench
