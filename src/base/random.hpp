// Randomness behind a seam: the system's CSPRNG in production, a seeded generator in simulation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace indaba {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;
  // Uniform in [0, bound); bound > 0.
  [[nodiscard]] virtual std::uint64_t below(std::uint64_t bound) = 0;
};

// libsodium's generator. Safe on any thread.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) override;
};

// SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same run on every machine. Never
// for secrets. One thread.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> out) override;
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) override;
  [[nodiscard]] std::uint64_t next() noexcept;

 private:
  std::uint64_t state_;
};

}  // namespace indaba
