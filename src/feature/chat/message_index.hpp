// MessageIndex: what is told of every message whose text changes, inside the transaction of the
// change. The seam to the search.
//
// On a writer's thread. Messages that go with their room or organisation are not told: an index
// follows those by its own means.
#pragma once

#include "db/database.hpp"
#include "feature/chat/views.hpp"

namespace indaba::chat {

class MessageIndex {
 public:
  virtual ~MessageIndex() = default;
  // The message was sent, edited or restored; its row is written, with this text.
  virtual Result<void> put(db::WriteTx& tx, MessageId id, std::string_view body) = 0;
  // It was deleted.
  virtual Result<void> remove(db::WriteTx& tx, MessageId id) = 0;
};

}  // namespace indaba::chat
