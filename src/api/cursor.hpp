// Cursors: where a list goes on, as a text that a client can only hand back.
//
// A cursor fits the list that it was made for (the list's name and filters are part of its code),
// and one that was altered is refused, so that nobody comes to rely on what stands in it.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace indaba::api {

class Cursors {
 public:
  // `key`: secret, and the same on all nodes.
  explicit Cursors(std::string key) : key_(std::move(key)) {}

  // `list` says which list with which filters: "tasks:7:todo".
  [[nodiscard]] std::string seal(std::int64_t position, std::string_view list) const;
  // ErrorKind::malformed where it is not one of ours, or another list's.
  [[nodiscard]] Result<std::int64_t> open(std::string_view cursor, std::string_view list) const;

 private:
  [[nodiscard]] std::string code_of(std::int64_t position, std::string_view list) const;
  std::string key_;
};

}  // namespace indaba::api
