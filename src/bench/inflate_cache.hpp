// InflateCache: compressed messages back to text, where the server keeps no context between them.
//
// A server that compresses an event once sends the same bytes to all readers: the client undoes
// them once, too, and compares afterwards, so that what it measures is not its own zlib.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct z_stream_s;

namespace indaba::bench {

class InflateCache {
 public:
  InflateCache();  // throws std::bad_alloc
  ~InflateCache();
  InflateCache(const InflateCache&) = delete;
  InflateCache& operator=(const InflateCache&) = delete;

  // The text of one message, valid until the next call; nullopt where it is no deflate stream or
  // larger than kMostBytes.
  [[nodiscard]] std::optional<std::string_view> text_of(std::string_view compressed);

  static constexpr std::size_t kMostBytes = 16 * 1024 * 1024;

 private:
  struct Entry {
    std::string compressed;
    std::string text;
  };
  bool inflate(std::string_view compressed, std::string& text);

  std::unique_ptr<z_stream_s> stream_;
  std::array<Entry, 64> entries_;
};

}  // namespace indaba::bench
