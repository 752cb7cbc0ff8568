#include "base/msgpack.hpp"

#include "base/text.hpp"

#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace indaba::msgpack {

namespace {

namespace bj = boost::json;

// Reads one value after the other, and remembers the first thing that was wrong.
class Decoder {
 public:
  Decoder(std::string_view bytes, Limits limits) : rest_(bytes), limits_(limits) {}

  Result<bj::value> run() {
    auto value = read(0);
    if (problem_ == nullptr && !rest_.empty()) problem_ = "bytes behind the end";
    if (problem_ != nullptr)
      return Error(ErrorKind::malformed, std::string("MessagePack: ") + problem_);
    return value;
  }

 private:
  std::nullptr_t fail(const char* problem) {
    if (problem_ == nullptr) problem_ = problem;
    return nullptr;
  }

  // Big-endian; 0 where the bytes end.
  template <class T>
  T number() {
    if (rest_.size() < sizeof(T)) {
      fail("it ends in the middle of a value");
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value = (value << 8U) | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(sizeof(T));
    return static_cast<T>(value);
  }
  std::string_view take(std::size_t size) {
    if (rest_.size() < size) {
      fail("it ends in the middle of a text");
      return {};
    }
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  bj::value text(std::size_t size) {
    const auto bytes = take(size);
    if (!text::is_utf8(bytes)) return fail("a text that is not UTF-8");
    return bj::value(bytes);
  }
  bj::value bytes(std::size_t size) { return bj::value(text::to_base64(take(size))); }
  static bj::value real(double value) {
    return std::isfinite(value) ? bj::value(value) : bj::value(nullptr);
  }
  static bj::value whole(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return static_cast<std::int64_t>(value);
    return value;
  }

  // Each element takes a byte at least.
  bool has_room(std::size_t elements, std::size_t depth) {
    if (depth >= limits_.depth) fail("too deep");
    if (elements > rest_.size()) fail("a length past its end");
    return problem_ == nullptr;
  }
  bj::value array(std::size_t size, std::size_t depth) {
    if (!has_room(size, depth)) return nullptr;
    bj::array out;
    for (std::size_t i = 0; i < size && problem_ == nullptr; ++i) out.push_back(read(depth + 1));
    return out;
  }
  bj::value map(std::size_t size, std::size_t depth) {
    if (!has_room(size, depth)) return nullptr;
    bj::object out;
    for (std::size_t i = 0; i < size && problem_ == nullptr; ++i) {
      const auto key = read(limits_.depth);  // a container as a key is too deep
      if (problem_ != nullptr) break;
      auto value = read(depth + 1);
      if (!key.is_string()) return fail("a key that is no text");
      if (!out.emplace(key.get_string(), std::move(value)).second)
        return fail("a key that stands twice");
    }
    return out;
  }

  bj::value read(std::size_t depth) {
    if (++values_ > limits_.values) return fail("too many values");
    const auto tag = number<std::uint8_t>();
    if (problem_ != nullptr) return nullptr;
    if (tag <= 0x7f) return std::int64_t{tag};
    if (tag <= 0x8f) return map(tag & 0x0fU, depth);
    if (tag <= 0x9f) return array(tag & 0x0fU, depth);
    if (tag <= 0xbf) return text(tag & 0x1fU);
    if (tag >= 0xe0) return std::int64_t{static_cast<std::int8_t>(tag)};
    return read_tagged(tag, depth);
  }

  bj::value read_tagged(std::uint8_t tag, std::size_t depth) {
    switch (tag) {
      case 0xc0:
        return nullptr;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return bytes(number<std::uint8_t>());
      case 0xc5:
        return bytes(number<std::uint16_t>());
      case 0xc6:
        return bytes(number<std::uint32_t>());
      case 0xca:
        return real(std::bit_cast<float>(number<std::uint32_t>()));
      case 0xcb:
        return real(std::bit_cast<double>(number<std::uint64_t>()));
      case 0xcc:
        return std::int64_t{number<std::uint8_t>()};
      case 0xcd:
        return std::int64_t{number<std::uint16_t>()};
      case 0xce:
        return std::int64_t{number<std::uint32_t>()};
      case 0xcf:
        return whole(number<std::uint64_t>());
      case 0xd0:
        return std::int64_t{number<std::int8_t>()};
      case 0xd1:
        return std::int64_t{number<std::int16_t>()};
      case 0xd2:
        return std::int64_t{number<std::int32_t>()};
      case 0xd3:
        return number<std::int64_t>();
      case 0xd9:
        return text(number<std::uint8_t>());
      case 0xda:
        return text(number<std::uint16_t>());
      case 0xdb:
        return text(number<std::uint32_t>());
      case 0xdc:
        return array(number<std::uint16_t>(), depth);
      case 0xdd:
        return array(number<std::uint32_t>(), depth);
      case 0xde:
        return map(number<std::uint16_t>(), depth);
      case 0xdf:
        return map(number<std::uint32_t>(), depth);
      default:
        return fail("an extension type, which JSON has no word for");
    }
  }

  std::string_view rest_;
  const Limits limits_;
  std::size_t values_ = 0;
  const char* problem_ = nullptr;
};

template <class T>
void put(std::string& out, std::uint8_t tag, T value) {
  out += static_cast<char>(tag);
  for (std::size_t i = sizeof(T); i-- > 0;)
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

void put_positive(std::string& out, std::uint64_t value) {
  if (value <= 0x7f)
    out += static_cast<char>(value);
  else if (value <= 0xff)
    put(out, 0xcc, static_cast<std::uint8_t>(value));
  else if (value <= 0xffff)
    put(out, 0xcd, static_cast<std::uint16_t>(value));
  else if (value <= 0xffff'ffff)
    put(out, 0xce, static_cast<std::uint32_t>(value));
  else
    put(out, 0xcf, value);
}

void put_negative(std::string& out, std::int64_t value) {
  if (value >= -32)
    out += static_cast<char>(value);
  else if (value >= std::numeric_limits<std::int8_t>::min())
    put(out, 0xd0, static_cast<std::uint8_t>(value));
  else if (value >= std::numeric_limits<std::int16_t>::min())
    put(out, 0xd1, static_cast<std::uint16_t>(value));
  else if (value >= std::numeric_limits<std::int32_t>::min())
    put(out, 0xd2, static_cast<std::uint32_t>(value));
  else
    put(out, 0xd3, static_cast<std::uint64_t>(value));
}

// `fix` is the tag of a short one, up to `fix_max`; tag16 and tag32 stand before longer lengths.
void put_length(std::string& out, std::size_t size, std::uint8_t fix, std::size_t fix_max,
                std::uint8_t tag16) {
  if (size <= fix_max)
    out += static_cast<char>(fix | size);
  else if (size <= 0xffff)
    put(out, tag16, static_cast<std::uint16_t>(size));
  else
    put(out, static_cast<std::uint8_t>(tag16 + 1), static_cast<std::uint32_t>(size));
}

void put_text(std::string& out, std::string_view text) {
  if (text.size() > 31 && text.size() <= 0xff)
    put(out, 0xd9, static_cast<std::uint8_t>(text.size()));
  else
    put_length(out, text.size(), 0xa0, 31, 0xda);
  out += text;
}

void append(std::string& out, const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      out += static_cast<char>(0xc0);
      return;
    case bj::kind::bool_:
      out += static_cast<char>(value.get_bool() ? 0xc3 : 0xc2);
      return;
    case bj::kind::int64:
      if (value.get_int64() < 0) return put_negative(out, value.get_int64());
      return put_positive(out, static_cast<std::uint64_t>(value.get_int64()));
    case bj::kind::uint64:
      return put_positive(out, value.get_uint64());
    case bj::kind::double_:
      return put(out, 0xcb, std::bit_cast<std::uint64_t>(value.get_double()));
    case bj::kind::string:
      return put_text(out, value.get_string());
    case bj::kind::array:
      put_length(out, value.get_array().size(), 0x90, 15, 0xdc);
      for (const auto& element : value.get_array()) append(out, element);
      return;
    case bj::kind::object:
      put_length(out, value.get_object().size(), 0x80, 15, 0xde);
      for (const auto& member : value.get_object()) {
        put_text(out, member.key());
        append(out, member.value());
      }
      return;
  }
}

}  // namespace

Result<bj::value> decode(std::string_view bytes, Limits limits) {
  return Decoder(bytes, limits).run();
}

std::string encode(const bj::value& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace indaba::msgpack
