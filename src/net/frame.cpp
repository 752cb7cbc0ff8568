#include "net/frame.hpp"

#include "base/check.hpp"

#include <cstring>
#include <limits>
#include <new>

namespace indaba::net {

Frame Frame::of(std::span<const std::string_view> parts) {
  std::size_t size = 0;
  for (const auto part : parts) size += part.size();
  check(size <= std::numeric_limits<std::uint32_t>::max(), "a frame is smaller than 4 GiB");

  void* memory = ::operator new(sizeof(Block) + size);
  auto* block = new (memory) Block{{1}, static_cast<std::uint32_t>(size)};
  char* out = data(block);
  for (const auto part : parts) {
    if (part.empty()) continue;
    std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
  Frame frame;
  frame.block_ = block;
  return frame;
}

void Frame::free_block() noexcept {
  block_->~Block();
  ::operator delete(static_cast<void*>(block_));
}

}  // namespace indaba::net
