// The SQL of chat, for this feature alone. A statement about something inside an organisation
// carries its id, or the id of a room that was found with it.
#pragma once

#include "db/session.hpp"
#include "feature/chat/access.hpp"
#include "feature/chat/message_access.hpp"
#include "feature/chat/message_row.hpp"

#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace indaba::chat::queries {

// --- rooms: queries_rooms.cpp

struct RoomFor {
  RoomRow room;
  std::optional<auth::Role> role;  // of the user in the room's organisation
  bool in_room = false;
};
[[nodiscard]] Result<std::optional<RoomFor>> find_room(db::Session& session, const Place& place,
                                                       UserId user);
[[nodiscard]] Result<std::optional<OrgId>> find_org_of_room(db::Session& session, RoomId room);
// Of the room whose stream it is: what its organisation and itself are called now.
[[nodiscard]] Result<std::optional<std::pair<std::string, std::string>>> find_slugs_of_stream(
    db::Session& session, OrgId org, StreamId stream);

struct RoomFilter {
  UserId user;              // whose private rooms count
  bool everything = false;  // or all of them
  std::int64_t after = 0;
  std::int64_t limit = 0;
};
[[nodiscard]] Result<std::vector<RoomRow>> page_rooms(db::Session& session, OrgId org,
                                                      const RoomFilter& filter);
[[nodiscard]] Result<bool> is_slug_taken(db::Session& session, OrgId org, std::string_view slug);
[[nodiscard]] Result<std::int64_t> count_rooms(db::Session& session, OrgId org);
[[nodiscard]] Result<RoomId> insert_room(db::Session& session, const RoomRow& room, WallTime now);
[[nodiscard]] Result<void> update_room(db::Session& session, const RoomRow& room);
[[nodiscard]] Result<void> mark_deleted(db::Session& session, OrgId org, RoomId room, WallTime now);

struct DeletedRoom {
  RoomId id;
  StreamId stream;
};
[[nodiscard]] Result<std::optional<DeletedRoom>> find_deleted_room(db::Session& session);
// Up to `limit` messages of a room; how many there were.
[[nodiscard]] Result<std::int64_t> delete_messages(db::Session& session, RoomId room,
                                                   std::int64_t limit);
[[nodiscard]] Result<void> delete_room(db::Session& session, RoomId room);

// --- members of private rooms: queries_rooms.cpp

[[nodiscard]] Result<std::vector<RoomMemberView>> page_members(db::Session& session, RoomId room,
                                                               std::int64_t after,
                                                               std::int64_t limit);
[[nodiscard]] Result<std::optional<RoomMemberView>> find_member(db::Session& session, RoomId room,
                                                                UserId user);
// False: was in it already.
[[nodiscard]] Result<bool> insert_member(db::Session& session, OrgId org, RoomId room, UserId user,
                                         WallTime now);
[[nodiscard]] Result<void> delete_member(db::Session& session, RoomId room, UserId user);

// --- conversations: queries_conversations.cpp

struct Conversation {
  RoomId room;
  StreamId stream;
  UserId low;
  UserId high;
};
[[nodiscard]] Result<std::optional<Conversation>> find_conversation(db::Session& session,
                                                                    RoomId room);
[[nodiscard]] Result<std::optional<Conversation>> find_conversation(db::Session& session,
                                                                    UserId one, UserId other);
[[nodiscard]] Result<std::optional<Conversation>> find_conversation(db::Session& session,
                                                                    StreamId stream);
[[nodiscard]] Result<RoomId> insert_conversation(db::Session& session, UserId low, UserId high,
                                                 StreamId stream, WallTime now);

// A conversation as one of the two has it.
struct ConversationRow {
  RoomId room;
  Peer peer;
  std::int64_t unread = 0;
  Seq last_read_seq;
  Seq head;
  MessageId last;  // the newest message; none where nothing was said
};
[[nodiscard]] Result<std::optional<ConversationRow>> find_conversation_row(db::Session& session,
                                                                           UserId user,
                                                                           RoomId room);
// Newest message first, those whose newest message is older than `before`.
[[nodiscard]] Result<std::vector<ConversationRow>> page_conversations(db::Session& session,
                                                                      UserId user,
                                                                      std::int64_t before,
                                                                      std::int64_t limit);
[[nodiscard]] Result<std::vector<ConversationRow>> list_unread_conversations(db::Session& session,
                                                                             UserId user,
                                                                             std::int64_t limit);

// What a user had of their own; conversations are left to be purged. queries_conversations.cpp
[[nodiscard]] Result<void> erase_user(db::Session& session, UserId user, WallTime now);

// --- messages: queries_messages.cpp

// The message that was first sent under a client_message_id, and the hash of what was sent.
struct FirstSent {
  MessageRow message;
  std::string hash;
};
[[nodiscard]] Result<std::optional<FirstSent>> find_first_sent(db::Session& session, RoomId room,
                                                               UserId author,
                                                               std::string_view client_message_id);
[[nodiscard]] Result<std::optional<MessageRow>> find_message(db::Session& session, RoomId room,
                                                             MessageId id);
// The number of the room's next message.
[[nodiscard]] Result<std::int64_t> take_number(db::Session& session, RoomId room);
// Its seq and time come when its event has them: see place_message().
[[nodiscard]] Result<MessageId> insert_message(db::Session& session, const MessageRow& message,
                                               std::int64_t number, std::string_view hash);
[[nodiscard]] Result<void> place_message(db::Session& session, RoomId room, MessageId id, Seq seq,
                                         WallTime created_at);
// Newest first, with ids below `before`.
[[nodiscard]] Result<std::vector<MessageRow>> page_before(db::Session& session, RoomId room,
                                                          MessageId before, std::int64_t limit);
// Oldest first, with ids above `after`.
[[nodiscard]] Result<std::vector<MessageRow>> page_after(db::Session& session, RoomId room,
                                                         MessageId after, std::int64_t limit);
[[nodiscard]] Result<void> note_sent(db::Session& session, RoomId room, UserId author,
                                     WallTime now);
[[nodiscard]] Result<std::optional<WallTime>> find_last_sent(db::Session& session, RoomId room,
                                                             UserId author);
[[nodiscard]] Result<bool> is_any_before(db::Session& session, RoomId room, MessageId before);
[[nodiscard]] Result<bool> is_any_after(db::Session& session, RoomId room, MessageId after);

// --- changes of messages: queries_changes.cpp

[[nodiscard]] Result<std::optional<MessagePlace>> find_message_place(db::Session& session,
                                                                     MessageId id);
[[nodiscard]] Result<void> update_body(db::Session& session, RoomId room, MessageId id,
                                       std::string_view body, std::optional<WallTime> edited_at);
[[nodiscard]] Result<void> mark_message_deleted(db::Session& session, RoomId room, MessageId id,
                                                UserId by, WallTime now);
[[nodiscard]] Result<void> mark_message_restored(db::Session& session, RoomId room, MessageId id);

// 0: it was never changed.
[[nodiscard]] Result<std::int64_t> newest_version(db::Session& session, MessageId id);
[[nodiscard]] Result<void> insert_version(db::Session& session, MessageId id, std::int64_t number,
                                          const VersionRow& version);
[[nodiscard]] Result<void> place_version(db::Session& session, MessageId id, std::int64_t number,
                                         Seq seq);
[[nodiscard]] Result<std::vector<VersionRow>> list_versions(db::Session& session, MessageId id);

[[nodiscard]] Result<std::int64_t> count_other_emoji(db::Session& session, MessageId id,
                                                     std::string_view emoji);
// False: it was there, or was not.
[[nodiscard]] Result<bool> insert_reaction(db::Session& session, MessageId id,
                                           std::string_view emoji, UserId user, WallTime now);
[[nodiscard]] Result<bool> delete_reaction(db::Session& session, MessageId id,
                                           std::string_view emoji, UserId user);
[[nodiscard]] Result<std::vector<ReactionView>> list_reactions(db::Session& session, MessageId id,
                                                               UserId user);
// Those of a room's messages from `first` to `last`.
[[nodiscard]] Result<std::map<MessageId, std::vector<ReactionView>>> list_reactions_between(
    db::Session& session, RoomId room, MessageId first, MessageId last, UserId user);

// --- reports: queries_reports.cpp

struct ReportRow {
  ReportId id;
  OrgId org;
  MessageId message;
  RoomId room;
  std::string room_slug;
  std::string room_name;
  Person reporter;
  std::string reason;
  WallTime created_at{};
  std::optional<WallTime> resolved_at;
  std::optional<Person> resolved_by;
};
// The first one of that reporter, where there is one.
[[nodiscard]] Result<ReportId> insert_report(db::Session& session, OrgId org, MessageId message,
                                             UserId reporter, std::string_view reason,
                                             WallTime now);
[[nodiscard]] Result<std::optional<ReportRow>> find_report(db::Session& session, ReportId id);
// Newest first, those older than `filter.after`, of rooms that the user sees.
[[nodiscard]] Result<std::vector<ReportRow>> page_reports(db::Session& session, OrgId org,
                                                          const RoomFilter& filter, bool open);
[[nodiscard]] Result<void> mark_resolved(db::Session& session, ReportId id, UserId by,
                                         WallTime now);

// --- receipts: queries_receipts.cpp

struct ReadPosition {
  Seq seq;
  std::int64_t number = 0;  // of the newest message up to there
};
struct Read {
  ReadPosition position;
  Seq told;
  Seq delivered;
};
[[nodiscard]] Result<Read> find_read(db::Session& session, RoomId room, UserId user);
// Forward alone, what others were told too.
[[nodiscard]] Result<void> move_read(db::Session& session, RoomId room, UserId user,
                                     ReadPosition to);
// Anywhere; what others were told stays.
[[nodiscard]] Result<void> set_read(db::Session& session, RoomId room, UserId user,
                                    ReadPosition to);
// False where it was there already.
[[nodiscard]] Result<bool> move_delivered(db::Session& session, RoomId room, UserId user, Seq to);
// The newest message up to there.
[[nodiscard]] Result<ReadPosition> newest_up_to(db::Session& session, RoomId room, Seq seq);
// The same of those that somebody else wrote.
[[nodiscard]] Result<Seq> newest_for(db::Session& session, RoomId room, UserId user, Seq seq);
[[nodiscard]] Result<std::int64_t> count_sent(db::Session& session, RoomId room);
[[nodiscard]] Result<std::int64_t> count_readers(db::Session& session, const RoomRow& room);
[[nodiscard]] Result<std::vector<ReceiptView>> list_reads(db::Session& session, const RoomRow& room,
                                                          std::int64_t limit);
[[nodiscard]] Result<std::vector<RoomUnreadView>> list_unread(db::Session& session, OrgId org,
                                                              UserId user, bool everything);
[[nodiscard]] Result<std::optional<MessageId>> find_first_after(db::Session& session, RoomId room,
                                                                Seq seq);

// --- who is told of what: queries_attention.cpp

// Somebody who sees a room and may hear from a message's author.
struct Reader {
  UserId user;
  StreamId me_stream;
  ReadPosition read;
  NotificationLevel level = NotificationLevel::mentions;
  std::optional<WallTime> muted_until;
  UserId peer;  // of a conversation: the author
};
[[nodiscard]] Result<std::optional<Reader>> find_reader(db::Session& session, const RoomRow& room,
                                                        UserId user, UserId author);
// In a private room, those who are in it.
[[nodiscard]] Result<std::vector<Reader>> list_readers(db::Session& session, const RoomRow& room,
                                                       UserId author, std::int64_t limit);
[[nodiscard]] NotificationLevel default_level(const RoomRow& room);
[[nodiscard]] Result<RoomPreferences> find_preferences(db::Session& session, const RoomRow& room,
                                                       UserId user);
[[nodiscard]] Result<void> set_preferences(db::Session& session, RoomId room, UserId user,
                                           const RoomPreferences& wanted);

}  // namespace indaba::chat::queries
