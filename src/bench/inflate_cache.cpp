#include "bench/inflate_cache.hpp"

#include <new>
#include <zlib.h>

namespace indaba::bench {

namespace {

constexpr int kRawDeflate = -15;

// The end of a message differs where its middle does: it is compressed.
std::size_t slot_of(std::string_view bytes, std::size_t slots) {
  std::size_t sum = bytes.size();
  for (const char c : bytes.substr(bytes.size() - std::min<std::size_t>(bytes.size(), 16)))
    sum = sum * 31 + static_cast<unsigned char>(c);
  for (const char c : bytes.substr(0, 64)) sum = sum * 31 + static_cast<unsigned char>(c);
  return sum % slots;
}

}  // namespace

InflateCache::InflateCache() : stream_(std::make_unique<z_stream>()) {
  if (::inflateInit2(stream_.get(), kRawDeflate) != Z_OK) throw std::bad_alloc();
}

InflateCache::~InflateCache() {
  ::inflateEnd(stream_.get());
}

std::optional<std::string_view> InflateCache::text_of(std::string_view compressed) {
  auto& entry = entries_[slot_of(compressed, entries_.size())];
  if (entry.compressed == compressed && !compressed.empty()) return entry.text;
  entry.compressed.clear();
  if (!inflate(compressed, entry.text)) return std::nullopt;
  entry.compressed = compressed;
  return entry.text;
}

bool InflateCache::inflate(std::string_view compressed, std::string& text) {
  ::inflateReset(stream_.get());
  // RFC 7692, section 7.2.2: the sender took these four bytes off.
  std::string input(compressed);
  input.append("\x00\x00\xff\xff", 4);
  text.clear();
  stream_->next_in = reinterpret_cast<Bytef*>(input.data());
  stream_->avail_in = static_cast<uInt>(input.size());
  do {
    const auto before = text.size();
    if (before > kMostBytes) return false;
    text.resize(before + compressed.size() * 4 + 1024);
    stream_->next_out = reinterpret_cast<Bytef*>(text.data() + before);
    stream_->avail_out = static_cast<uInt>(text.size() - before);
    const int code = ::inflate(stream_.get(), Z_SYNC_FLUSH);
    text.resize(text.size() - stream_->avail_out);
    if (code == Z_STREAM_END) break;
    if (code != Z_OK && code != Z_BUF_ERROR) return false;
    if (code == Z_BUF_ERROR && stream_->avail_out != 0) return stream_->avail_in == 0;
  } while (stream_->avail_out == 0 || stream_->avail_in > 0);
  return true;
}

}  // namespace indaba::bench
