#include "ws/frame_header.hpp"

#include <cstring>

namespace indaba::ws {
namespace {

constexpr std::uint8_t kFin = 0x80;
constexpr std::uint8_t kRsv1 = 0x40;
constexpr std::uint8_t kRsv2And3 = 0x30;
constexpr std::uint8_t kMasked = 0x80;

std::uint64_t big_endian(std::span<const char> bytes) noexcept {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8U) | static_cast<unsigned char>(byte);
  return value;
}

HeaderParse broken(std::string_view rule) noexcept {
  return {HeaderStatus::broken, 0, rule};
}

// What is wrong with the first two bytes by themselves; empty where nothing is.
std::string_view broken_rule_of_first(std::uint8_t first) noexcept {
  const std::uint8_t nibble = first & 0x0FU;
  if ((first & kRsv2And3) != 0) return "a reserved bit is set";
  if (!is_known_opcode(nibble)) return "the opcode is reserved";
  if (is_control(Opcode{nibble}) && (first & kFin) == 0) return "a control frame is fragmented";
  if (is_control(Opcode{nibble}) && (first & kRsv1) != 0) return "a control frame is compressed";
  return {};
}

std::string_view broken_rule_of_second(Opcode opcode, std::uint8_t second) noexcept {
  if ((second & kMasked) == 0) return "a client's frame must be masked";
  if (is_control(opcode) && (second & 0x7FU) > kMaxControlPayload)
    return "a control frame is longer than 125 bytes";
  return {};
}

}  // namespace

ServerHeader server_header(Opcode opcode, std::size_t payload_size, bool compressed) noexcept {
  ServerHeader header;
  const auto put = [&](std::uint64_t byte) {
    header.bytes[header.size++] = static_cast<char>(byte & 0xFFU);
  };
  put(kFin | (compressed ? kRsv1 : 0U) | static_cast<std::uint8_t>(opcode));
  if (payload_size < 126) {
    put(payload_size);
  } else if (payload_size <= 0xFFFF) {
    put(126);
    put(payload_size >> 8U);
    put(payload_size);
  } else {
    put(127);
    for (int shift = 56; shift >= 0; shift -= 8) put(payload_size >> static_cast<unsigned>(shift));
  }
  return header;
}

net::Frame make_frame(Opcode opcode, std::string_view payload, bool compressed) {
  const ServerHeader header = server_header(opcode, payload.size(), compressed);
  return net::Frame::of({header.view(), payload});
}

net::Frame make_close_frame(CloseCode code, std::string_view reason) {
  return make_frame(Opcode::close, close_payload(code, reason));
}

HeaderParse parse_client_header(std::span<const char> bytes, ClientHeader& out) noexcept {
  if (bytes.empty()) return {};
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  if (const auto rule = broken_rule_of_first(first); !rule.empty()) return broken(rule);
  out.fin = (first & kFin) != 0;
  out.rsv1 = (first & kRsv1) != 0;
  out.opcode = Opcode{static_cast<std::uint8_t>(first & 0x0FU)};

  if (bytes.size() < 2) return {};
  const auto second = static_cast<std::uint8_t>(bytes[1]);
  if (const auto rule = broken_rule_of_second(out.opcode, second); !rule.empty())
    return broken(rule);

  out.payload_size = second & 0x7FU;
  std::size_t size = 2;
  if (out.payload_size >= 126) {
    const std::size_t length_bytes = out.payload_size == 126 ? 2 : 8;
    if (bytes.size() < size + length_bytes) return {};
    const std::uint64_t least = out.payload_size == 126 ? 126 : 0x10000;
    out.payload_size = big_endian(bytes.subspan(size, length_bytes));
    if (out.payload_size < least) return broken("a length is not written in the shortest way");
    if ((out.payload_size >> 63U) != 0) return broken("a length has its highest bit set");
    size += length_bytes;
  }
  if (bytes.size() < size + out.mask.size()) return {};
  std::memcpy(out.mask.data(), bytes.data() + size, out.mask.size());
  size += out.mask.size();
  return {HeaderStatus::done, static_cast<std::uint8_t>(size), {}};
}

void apply_mask(std::span<char> bytes, const std::array<std::uint8_t, 4>& mask,
                std::uint64_t offset) noexcept {
  std::array<std::uint8_t, 8> pattern{};
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = mask[(offset + i) % mask.size()];
  std::uint64_t wide = 0;
  std::memcpy(&wide, pattern.data(), sizeof wide);

  char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= sizeof wide; at += sizeof wide, left -= sizeof wide) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    word ^= wide;
    std::memcpy(at, &word, sizeof word);
  }
  for (std::size_t i = 0; i < left; ++i)
    at[i] = static_cast<char>(static_cast<std::uint8_t>(at[i]) ^ pattern[i]);
}

}  // namespace indaba::ws
