// Router: from a method and a path to the route that serves it.
//
// Built once at start-up and read by all loops afterwards; matching allocates nothing but a handful
// of views. A pattern is
// "/api/v1/orgs/{org}/tasks/{id}"; its last segment may be "{rest*}", which takes all that is left
// (at least one segment). A literal segment wins over a parameter. A path matches with and without
// its last slash.
#pragma once

#include "http/message.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::http {

// A set of methods, as the `Allow` header lists them.
class MethodSet {
 public:
  void add(Method method) noexcept { bits_ |= bit(method); }
  [[nodiscard]] bool has(Method method) const noexcept { return (bits_ & bit(method)) != 0; }
  [[nodiscard]] bool empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] std::string to_allow() const;  // "GET, HEAD, OPTIONS, POST"

 private:
  static constexpr std::uint32_t bit(Method method) noexcept {
    return 1U << static_cast<unsigned>(method);
  }
  std::uint32_t bits_ = 0;
};

class Router {
 public:
  static constexpr std::size_t kMaxParams = 8;

  struct Param {
    std::string_view name;   // views into the router
    std::string_view value;  // views into the path that was matched
  };
  enum class Outcome : std::uint8_t { found, not_found, wrong_method };
  struct Match {
    Outcome outcome = Outcome::not_found;
    std::size_t route = 0;  // what add() was given
    MethodSet allowed;      // of the path, where it is known at all; HEAD stands wherever GET does
    std::array<Param, kMaxParams> params;
    std::size_t param_count = 0;
  };

  Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  // At start-up. The same method and pattern twice is a broken invariant, and so is a malformed
  // pattern.
  void add(Method method, std::string_view pattern, std::size_t route);
  // HEAD finds a GET route where it has none of its own.
  [[nodiscard]] Match match(Method method, std::string_view path) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace indaba::http
