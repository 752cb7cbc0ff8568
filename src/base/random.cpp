#include "base/random.hpp"

#include "base/check.hpp"
#include "base/crypto.hpp"

#include <sodium.h>

#include <array>
#include <cstring>

namespace indaba {
namespace {

// Takes from `next` until the value falls into a whole multiple of `bound`, so that no remainder is
// more likely than another.
template <class Next>
std::uint64_t unbiased(std::uint64_t bound, Next next) {
  check(bound > 0, "a random number needs a range to lie in");
  const std::uint64_t skip = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const std::uint64_t value = next();
    if (value >= skip) return value % bound;
  }
}

}  // namespace

void SystemRandom::fill(std::span<std::byte> out) {
  crypto::ensure_sodium();
  randombytes_buf(out.data(), out.size());
}

std::uint64_t SystemRandom::below(std::uint64_t bound) {
  return unbiased(bound, [this] {
    std::array<std::byte, sizeof(std::uint64_t)> bytes;
    fill(bytes);
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  });
}

void SeededRandom::fill(std::span<std::byte> out) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % sizeof(word) == 0) word = next();
    out[i] = static_cast<std::byte>(word & 0xFFU);
    word >>= 8U;
  }
}

std::uint64_t SeededRandom::below(std::uint64_t bound) {
  return unbiased(bound, [this] { return next(); });
}

std::uint64_t SeededRandom::next() noexcept {
  std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

}  // namespace indaba
