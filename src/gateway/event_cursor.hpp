// EventCursor: the positions of several streams as one opaque text, for `Last-Event-ID`, `cursor=`
// and pages.
//
// It knows its streams by id and name, so that it fits only a request for the same ones, by
// whatever name it asks, and carries an authentication code: what a client altered is refused
// (400), never guessed at.
#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace indaba::gateway {

struct Position {
  std::string stream;  // by the name the reader uses
  Seq seq;
  std::string epoch;
  StreamId id;  // none: of a cursor that an older version gave out
};

class EventCursor {
 public:
  explicit EventCursor(std::string key) : key_(std::move(key)) {}

  [[nodiscard]] std::string seal(const std::vector<Position>& positions) const;
  // ErrorKind::malformed where it is not one of ours.
  [[nodiscard]] Result<std::vector<Position>> open(std::string_view cursor) const;

 private:
  [[nodiscard]] std::string code_of(std::string_view text) const;
  std::string key_;
};

}  // namespace indaba::gateway
