// MessagePack from anyone who reaches the Redis of a channel layer: decoding never breaks, and what
// was decoded is JSON that comes back as the same.
#include "base/check.hpp"
#include "base/json.hpp"
#include "base/json_write.hpp"
#include "base/msgpack.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace indaba;
  const auto value = msgpack::decode({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  const auto again = msgpack::decode(msgpack::encode(*value));
  check(again.has_value() && *again == *value, "what was written must read back as the same");
  const auto text = json::to_text(*value);
  const auto parsed = json::parse(text);
  check(parsed.has_value() && json::to_text(*parsed) == text, "and it must be JSON");
  return 0;
}
