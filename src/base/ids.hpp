// Identities and positions as types that do not mix.
//
// All of them are 64-bit and stay below 2^53, so that JavaScript can hold them. Zero is "none".
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace indaba {

template <class Tag>
struct Id {
  std::int64_t value = 0;

  constexpr Id() = default;
  constexpr explicit Id(std::int64_t v) noexcept : value(v) {}
  constexpr explicit operator bool() const noexcept { return value != 0; }
  friend constexpr auto operator<=>(Id, Id) = default;
};

using OrgId = Id<struct OrgTag>;
using UserId = Id<struct UserTag>;
using TaskId = Id<struct TaskTag>;
using StreamId = Id<struct StreamTag>;
using SessionId = Id<struct SessionTag>;  // a sign-in: the row behind refresh tokens and cookies
using ApiKeyId = Id<struct ApiKeyTag>;
using JobId = Id<struct JobTag>;    // one piece of background work
using NodeId = Id<struct NodeTag>;  // one start of one process of the deployment

// The number of an event in its stream: 1, 2, 3, … without holes. 0 is "before the first".
struct Seq {
  std::int64_t value = 0;

  constexpr Seq() = default;
  constexpr explicit Seq(std::int64_t v) noexcept : value(v) {}
  [[nodiscard]] constexpr Seq next() const noexcept { return Seq(value + 1); }
  friend constexpr auto operator<=>(Seq, Seq) = default;
};
inline constexpr Seq kMaxSeq{(std::int64_t{1} << 53) - 1};

}  // namespace indaba

template <class Tag>
struct std::hash<indaba::Id<Tag>> {
  std::size_t operator()(indaba::Id<Tag> id) const noexcept {
    // Ids are handed out in order; spread them so that neighbours do not share a bucket chain or a
    // shard.
    auto x = static_cast<std::uint64_t>(id.value) * 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>(x ^ (x >> 32U));
  }
};
