// What the chat's routes and frames take and answer.
#pragma once

#include "base/ids.hpp"
#include "base/reflect.hpp"
#include "feature/chat/emoji.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::chat {

using RoomId = Id<struct RoomTag>;
using MessageId = Id<struct MessageTag>;

// --- rooms

enum class Kind : std::uint8_t { chat, forum };
BOOST_DESCRIBE_ENUM(Kind, chat, forum)

using RoomName = json::Text<1, 100>;
// Between two messages of a member; moderators write as they like. 0: no such limit.
using SlowMode = json::Int<0, 21'600>;

struct RoomView {
  RoomId id;
  std::string slug;
  std::string name;
  Kind kind = Kind::chat;
  bool private_ = false;
  std::int64_t slow_mode_seconds = 0;
};
BOOST_DESCRIBE_STRUCT(RoomView, (), (id, slug, name, kind, private_, slow_mode_seconds))

struct RoomList {
  std::vector<RoomView> results;  // oldest first
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(RoomList, (), (results, next_cursor))

struct ListRooms {
  json::Int<1, 200> limit{50};
  std::optional<json::Text<1, 200>> cursor;
  static constexpr std::array kDefaulted{std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(ListRooms, (), (limit, cursor))

struct NewRoom {
  json::Slug slug;
  std::optional<RoomName> name;  // the slug where it is left out
  Kind kind = Kind::chat;
  bool private_ = false;
  SlowMode slow_mode_seconds{0};
  static constexpr std::array kDefaulted{std::string_view("kind"), std::string_view("private"),
                                         std::string_view("slow_mode_seconds")};
};
BOOST_DESCRIBE_STRUCT(NewRoom, (), (slug, name, kind, private_, slow_mode_seconds))

struct ChangeRoom {
  std::optional<json::Slug> slug;
  std::optional<RoomName> name;
  std::optional<bool> private_;
  std::optional<SlowMode> slow_mode_seconds;
};
BOOST_DESCRIBE_STRUCT(ChangeRoom, (), (slug, name, private_, slow_mode_seconds))

struct RoomMemberView {
  UserId user_id;
  std::string username;
  std::string display_name;
  WallTime joined_at{};
};
BOOST_DESCRIBE_STRUCT(RoomMemberView, (), (user_id, username, display_name, joined_at))

struct RoomMemberList {
  std::vector<RoomMemberView> results;
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(RoomMemberList, (), (results, next_cursor))

struct AddRoomMember {
  UserId user_id;
};
BOOST_DESCRIBE_STRUCT(AddRoomMember, (), (user_id))

// --- messages

// What the operator allows (limits.message_chars) is at most this.
using MessageBody = json::Text<1, 65'536>;
using ClientMessageId = json::Text<1, 128>;

struct Person {
  UserId id;
  std::string username;
};
BOOST_DESCRIBE_STRUCT(Person, (), (id, username))

struct ReactionView {
  std::string emoji;
  std::int64_t count = 0;
  bool reacted = false;  // the caller is among them
};
BOOST_DESCRIBE_STRUCT(ReactionView, (), (emoji, count, reacted))

struct ReactionList {
  std::vector<ReactionView> reactions;
};
BOOST_DESCRIBE_STRUCT(ReactionList, (), (reactions))

struct MessageView {
  MessageId id;
  Seq seq;
  WallTime created_at{};
  Person author;
  std::string body;  // empty where it is deleted
  std::optional<std::string> client_message_id;
  std::optional<MessageId> reply_to;
  std::optional<MessageId> thread_id;
  std::vector<std::int64_t> attachments;
  std::optional<WallTime> edited_at;
  bool deleted = false;
  std::vector<ReactionView> reactions;
};
BOOST_DESCRIBE_STRUCT(MessageView, (),
                      (id, seq, created_at, author, body, client_message_id, reply_to, thread_id,
                       attachments, edited_at, deleted, reactions))

struct SendMessage {
  MessageBody body;
  std::optional<ClientMessageId> client_message_id;
  std::optional<MessageId> thread_id;
  std::optional<MessageId> reply_to;  // a message of the same room
  std::vector<json::Int<1, json::kMaxSafeInteger>> attachments;
};
BOOST_DESCRIBE_STRUCT(SendMessage, (), (body, client_message_id, thread_id, reply_to, attachments))

struct EditMessage {
  MessageBody body;
};
BOOST_DESCRIBE_STRUCT(EditMessage, (), (body))

struct VersionView {
  std::int64_t version = 1;  // 1 is what was sent
  std::string body;
  Person editor;
  WallTime created_at{};
};
BOOST_DESCRIBE_STRUCT(VersionView, (), (version, body, editor, created_at))

struct VersionList {
  std::vector<VersionView> versions;  // first to last
};
BOOST_DESCRIBE_STRUCT(VersionList, (), (versions))

struct SentView : MessageView {
  bool duplicate = false;
};
BOOST_DESCRIBE_STRUCT(SentView, (MessageView), (duplicate))

struct HistoryView {
  std::vector<MessageView> messages;  // newest first
  bool has_more = false;              // there are older ones
  bool has_newer = false;
};
BOOST_DESCRIBE_STRUCT(HistoryView, (), (messages, has_more, has_newer))

// Where the caller has not read on: around that message, or the newest where all is read.
enum class Anchor : std::uint8_t { first_unread };
BOOST_DESCRIBE_ENUM(Anchor, first_unread)

// At most one of the four; the newest messages without.
struct HistoryQuery {
  std::optional<MessageId> before_id;
  std::optional<MessageId> after_id;
  std::optional<MessageId> around_id;
  std::optional<Anchor> anchor;
  json::Int<1, 200> limit{50};
  static constexpr std::array kDefaulted{std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(HistoryQuery, (), (before_id, after_id, around_id, anchor, limit))

// --- reports

using ReportId = Id<struct ReportTag>;

struct NewReport {
  std::optional<json::Text<1, 500>> reason;
};
BOOST_DESCRIBE_STRUCT(NewReport, (), (reason))

struct RoomBrief {
  RoomId id;
  std::string slug;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(RoomBrief, (), (id, slug, name))

struct ReportView {
  ReportId id;
  RoomBrief room;
  MessageView message;
  Person reporter;
  std::string reason;
  WallTime created_at{};
  std::optional<WallTime> resolved_at;
  std::optional<Person> resolved_by;
};
BOOST_DESCRIBE_STRUCT(ReportView, (),
                      (id, room, message, reporter, reason, created_at, resolved_at, resolved_by))

struct ReportList {
  std::vector<ReportView> results;  // newest first
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(ReportList, (), (results, next_cursor))

enum class ReportStatus : std::uint8_t { open, resolved };
BOOST_DESCRIBE_ENUM(ReportStatus, open, resolved)

struct ListReports {
  ReportStatus status = ReportStatus::open;
  json::Int<1, 200> limit{50};
  std::optional<json::Text<1, 200>> cursor;
  static constexpr std::array kDefaulted{std::string_view("status"), std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(ListReports, (), (status, limit, cursor))

// --- receipts

// One of the two; of several messages the newest counts.
struct Receipt {
  std::optional<Seq> up_to;
  std::vector<MessageId> message_ids;
};
BOOST_DESCRIBE_STRUCT(Receipt, (), (up_to, message_ids))

struct ReadUpTo {
  Seq up_to;
};
BOOST_DESCRIBE_STRUCT(ReadUpTo, (), (up_to))

// The first message that is to be unread again.
struct MarkUnread {
  MessageId from_id;
};
BOOST_DESCRIBE_STRUCT(MarkUnread, (), (from_id))

// Of one room or conversation.
struct UnreadView {
  std::int64_t unread = 0;
  Seq last_read_seq;
  Seq head;
};
BOOST_DESCRIBE_STRUCT(UnreadView, (), (unread, last_read_seq, head))

struct RoomUnreadView {
  RoomId room_id;
  std::string slug;
  std::int64_t unread = 0;
  Seq last_read_seq;
  Seq head;
};
BOOST_DESCRIBE_STRUCT(RoomUnreadView, (), (room_id, slug, unread, last_read_seq, head))

struct ReceiptView {
  Person user;
  Seq up_to;
  std::optional<Seq> delivered;  // in a conversation: what a device of the user has
};
BOOST_DESCRIBE_STRUCT(ReceiptView, (), (user, up_to, delivered))

struct ReceiptList {
  std::vector<ReceiptView> results;  // empty where there are too many readers
};
BOOST_DESCRIBE_STRUCT(ReceiptList, (), (results))

// --- preferences

// What of a room is for a user's notice: every message, what concerns the user, or nothing.
enum class NotificationLevel : std::uint8_t { all, mentions, none };
BOOST_DESCRIBE_ENUM(NotificationLevel, all, mentions, none)

struct RoomPreferences {
  NotificationLevel level = NotificationLevel::mentions;
  std::optional<WallTime> muted_until;  // until then as `none`
};
BOOST_DESCRIBE_STRUCT(RoomPreferences, (), (level, muted_until))

// --- conversations

struct Peer {
  UserId id;
  std::string username;
  std::string display_name;
};
BOOST_DESCRIBE_STRUCT(Peer, (), (id, username, display_name))

struct ConversationView {
  Peer user;  // the other one
  std::string stream;
  std::int64_t unread = 0;
  Seq last_read_seq;
  Seq head;
  std::optional<MessageView> last_message;
};
BOOST_DESCRIBE_STRUCT(ConversationView, (),
                      (user, stream, unread, last_read_seq, head, last_message))

struct ConversationList {
  std::vector<ConversationView> results;
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(ConversationList, (), (results, next_cursor))

struct OpenConversation {
  UserId user_id;
};
BOOST_DESCRIBE_STRUCT(OpenConversation, (), (user_id))

}  // namespace indaba::chat
