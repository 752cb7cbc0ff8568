// Frame: immutable bytes with a reference count, so that one encoded event serves every connection
// on every loop.
//
// Owner: whoever holds one; the bytes go with the last holder. Safe to copy and drop on any thread.
// Two words smaller than a shared_ptr to a string, and one allocation instead of two: an outbox is
// an array of these.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

namespace indaba::net {

class Frame {
 public:
  Frame() noexcept = default;
  // One copy of all parts behind one another.
  [[nodiscard]] static Frame of(std::span<const std::string_view> parts);
  [[nodiscard]] static Frame of(std::initializer_list<std::string_view> parts) {
    return of(std::span(parts.begin(), parts.size()));
  }
  [[nodiscard]] static Frame of(std::string_view bytes) { return of({bytes}); }

  Frame(const Frame& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  Frame(Frame&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Frame& operator=(Frame other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Frame() {
    if (block_ != nullptr && block_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
      free_block();
  }

  [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }
  [[nodiscard]] std::string_view bytes() const noexcept {
    return block_ == nullptr ? std::string_view{} : std::string_view(data(block_), block_->size);
  }
  [[nodiscard]] std::size_t size() const noexcept { return block_ == nullptr ? 0 : block_->size; }

 private:
  struct Block {
    std::atomic<std::uint32_t> refs;
    std::uint32_t size;
  };
  static char* data(Block* block) noexcept { return reinterpret_cast<char*>(block + 1); }
  void free_block() noexcept;

  Block* block_ = nullptr;
};
static_assert(sizeof(Frame) == sizeof(void*));

}  // namespace indaba::net
