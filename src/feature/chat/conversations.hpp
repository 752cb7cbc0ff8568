// The beginning of a conversation, inside the change that needs it.
//
// On a database thread.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "db/database.hpp"
#include "feature/chat/access.hpp"

namespace indaba::chat {

// Makes the room and the stream of the two, and completes `standing` with them.
[[nodiscard]] Result<void> begin_conversation(db::WriteTx& tx, Standing& standing, UserId caller,
                                              const Clock& clock, Random& random);

}  // namespace indaba::chat
