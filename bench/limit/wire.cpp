#include "wire.hpp"

#include <array>
#include <cstring>

#include <openssl/evp.h>

namespace limit {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, 1.3

std::string_view header(std::string_view head, std::string_view lower_name) {
  std::size_t at = head.find("\r\n");
  while (at != std::string_view::npos && at + 2 < head.size()) {
    const std::size_t begin = at + 2;
    const std::size_t end = head.find("\r\n", begin);
    const std::string_view line = head.substr(begin, end - begin);
    const std::size_t colon = line.find(':');
    if (colon == lower_name.size()) {
      bool same = true;
      for (std::size_t i = 0; i < colon; ++i) same = same && (line[i] | 0x20) == lower_name[i];
      if (same) {
        std::string_view value = line.substr(colon + 1);
        while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
        while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
        return value;
      }
    }
    at = end;
  }
  return {};
}

}  // namespace

std::optional<Handshake> parse_handshake(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(0, end + 2);
  const std::size_t path = head.find(' ') + 1;
  Handshake told;
  told.path = head.substr(path, head.find_first_of(" ?\r", path) - path);
  told.key = header(head, "sec-websocket-key");
  told.bytes = end + 4;
  return told;
}

std::string handshake_answer(std::string_view key) {
  std::string text(key);
  text += kGuid;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int digest_bytes = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &digest_bytes, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> accept{};
  const int accept_bytes =
      EVP_EncodeBlock(accept.data(), digest.data(), static_cast<int>(digest_bytes));
  std::string answer =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: ";
  answer.append(accept.begin(), accept.begin() + accept_bytes);
  return answer += "\r\n\r\n";
}

std::optional<Frame> take_frame(char* data, std::size_t size) {
  const auto byte = [data](std::size_t at) { return static_cast<std::uint8_t>(data[at]); };
  if (size < 2) return std::nullopt;
  std::size_t length = byte(1) & 0x7fU;
  std::size_t at = 2;
  if (length >= 126) {
    const std::size_t digits = length == 126 ? 2 : 8;
    if (size < at + digits) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < digits; ++i) length = (length << 8U) | byte(at + i);
    at += digits;
  }
  const bool masked = (byte(1) & 0x80U) != 0;
  const std::size_t head = at + (masked ? 4 : 0);
  if (size < head || size - head < length) return std::nullopt;
  if (masked) {
    for (std::size_t i = 0; i < length; ++i)
      data[head + i] = static_cast<char>(byte(head + i) ^ byte(at + i % 4));
  }
  return Frame{static_cast<Opcode>(byte(0) & 0x0fU), {data + head, length}, head + length};
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  out += static_cast<char>(0x80U | static_cast<unsigned>(opcode));
  const std::size_t length = payload.size();
  const int digits = length < 126 ? 0 : length <= 0xffff ? 2 : 8;
  out += static_cast<char>(digits == 0 ? length : digits == 2 ? 126 : 127);
  for (int shift = 8 * (digits - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(length >> static_cast<unsigned>(shift));
  out += payload;
}

}  // namespace limit
