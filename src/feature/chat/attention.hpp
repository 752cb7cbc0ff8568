// Attention: who is told of a new message on their own stream, `me`: whom it is written to, whom it
// answers, whom it names, and everybody where it names the room.
//
// One event a person and message, for the strongest of these. Whoever wants to hear nothing of the
// room (its level is `none`, or it is muted), does not see it, or is blocked, is not told. The
// event says where, not what: what a message said must not outlive its deletion in the logs of
// others. On a database thread.
#pragma once

#include "db/database.hpp"
#include "feature/chat/access.hpp"
#include "feature/chat/message_row.hpp"

namespace indaba::chat {

// Above that many readers "@room" is a word like any other; for who does not moderate, above the
// second.
inline constexpr std::int64_t kMostToldByModerators = 1'000;
inline constexpr std::int64_t kMostToldByMembers = 100;

// To be called behind the message's own event. `number`: the message's in its room.
[[nodiscard]] Result<void> tell_concerned(db::WriteTx& tx, const Standing& standing,
                                          const MessageRow& message, std::int64_t number);

}  // namespace indaba::chat
