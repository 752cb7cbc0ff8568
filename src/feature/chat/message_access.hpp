// A message as its caller may change it, asked inside the transaction that changes it.
//
// On a database thread.
#pragma once

#include "feature/chat/access.hpp"
#include "feature/chat/message_row.hpp"

namespace indaba::chat {

// A message, its room, and what its caller is there.
struct Subject {
  Standing standing;
  MessageRow message;
};

// Where a message is looked for: in the room or conversation that it was found in.
struct MessagePlace {
  Place room;
  MessageId id;
};

[[nodiscard]] Error no_such_message();
// not_found where there is none that the caller may know of.
[[nodiscard]] Result<Subject> subject_of(db::Session& session, const MessagePlace& place,
                                         const auth::Principal& caller);
// A deleted message takes no change but being restored: a conflict (`message_deleted`).
[[nodiscard]] Result<void> check_there(const MessageRow& message);
// The author for a day, moderators always; forbidden for everyone else.
[[nodiscard]] Result<void> may_change(const Subject& subject, const auth::Principal& caller,
                                      WallTime now);
[[nodiscard]] Result<void> may_moderate(const Subject& subject);

}  // namespace indaba::chat
