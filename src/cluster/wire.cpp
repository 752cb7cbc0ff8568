#include "cluster/wire.hpp"

namespace indaba::cluster {

WireWriter& WireWriter::number(std::int64_t value) {
  auto left = static_cast<std::uint64_t>(value);
  while (left >= 0x80U) {
    out_.push_back(static_cast<char>((left & 0x7fU) | 0x80U));
    left >>= 7U;
  }
  out_.push_back(static_cast<char>(left));
  return *this;
}

WireWriter& WireWriter::text(std::string_view value) {
  number(static_cast<std::int64_t>(value.size()));
  out_.append(value);
  return *this;
}

std::uint8_t WireReader::byte() {
  if (left_.empty()) {
    fail();
    return 0;
  }
  const auto value = static_cast<std::uint8_t>(left_.front());
  left_.remove_prefix(1);
  return value;
}

std::int64_t WireReader::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (left_.empty()) break;
    const auto piece = byte();
    value |= static_cast<std::uint64_t>(piece & 0x7fU) << shift;
    if ((piece & 0x80U) == 0) return static_cast<std::int64_t>(value);
  }
  fail();
  return 0;
}

std::string_view WireReader::text() {
  const auto size = number();
  if (!ok_ || size < 0 || static_cast<std::uint64_t>(size) > left_.size()) {
    fail();
    return {};
  }
  const auto value = left_.substr(0, static_cast<std::size_t>(size));
  left_.remove_prefix(value.size());
  return value;
}

}  // namespace indaba::cluster
