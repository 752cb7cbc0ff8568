// Once: an Idempotency-Key on its way through a handler, so that the answer is kept in the
// transaction of the change.
#pragma once

#include "db/database.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace indaba::api {

struct KeptAnswer {
  int status = 200;
  std::string body;  // JSON, as sent
};

class Once {
 public:
  struct Key;  // caller, path, key, hash of the body
  Once() = default;
  explicit Once(std::shared_ptr<const Key> key) : key_(std::move(key)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return key_ != nullptr; }
  // Inside a change: keeps the answer that `render` makes once the events have their numbers. Does
  // nothing where the caller sent no key. `render` must not own anything that lives on a loop.
  void keep(db::WriteTx& tx, std::function<KeptAnswer(std::span<const db::Appended>)> render) const;
  [[nodiscard]] const std::shared_ptr<const Key>& key() const noexcept { return key_; }

 private:
  std::shared_ptr<const Key> key_;
};

}  // namespace indaba::api
