// Chat: rooms of an organisation, conversations of two people, and the messages in them.
//
// A room is a stream, "orgs/{org}/rooms/{room}" or "channels/{id}", and the rows behind it. A
// conversation is the room of two people who have an organisation in common, and each calls it by
// the other one: "conversations/{user_id}". What a
// change does to the rows and what everyone is told of it is one transaction, so history and stream
// cannot differ. A public room is every member's; a private one is its members', and the
// organisation's owners and admins'. Whoever may not see a room gets the 404 of one that is not
// there.
//
// Messages are ordered by id, which within a room is the order of their seq; time orders nothing.
// Any executor.
#pragma once

#include "api/access_changes.hpp"
#include "api/checks.hpp"
#include "api/cursor.hpp"
#include "api/endpoint.hpp"
#include "api/frames.hpp"
#include "api/org_gate.hpp"
#include "api/stream_names.hpp"
#include "api/typing.hpp"
#include "base/live.hpp"
#include "base/random.hpp"
#include "feature/chat/delivered.hpp"
#include "feature/chat/message_index.hpp"
#include "feature/chat/views.hpp"
#include "feature/orgs/orgs.hpp"
#include "stream/rewrite.hpp"

#include <string>

namespace indaba::chat {

// Where a room is looked for: by its slug, or by its id where it has one here; without an
// organisation, a conversation, by the other one in it or by its id.
struct Place {
  OrgId org;
  RoomId room;
  std::string slug;
  UserId peer;
  UserId low;  // of the two, whose changes are kept in order under this one

  [[nodiscard]] db::Shard shard() const noexcept {
    return org ? db::Shard(org) : db::Shard(low.value);
  }
};
[[nodiscard]] Place conversation_with(UserId caller, UserId peer);

struct MessagePlace;

// The operator may change it while it is read.
struct Limits {
  Live<std::int64_t> message_chars = 5'000;
  Live<std::int64_t> messages_per_minute = 60;  // of one user, over all rooms
};

class Chat {
 public:
  struct Parts {  // all outlive this
    db::Database& database;
    api::OrgGate& gate;
    api::AccessChanges& changes;
    stream::RewriteListener& rewrites;
    Delivered& delivered;
    api::TypingStops& typing;
    api::RateLimiter& limiter;
    const api::RateLimits& rates;
    const api::Cursors& cursors;
    const Clock& clock;
    Random& random;
    MessageIndex& index;
  };
  explicit Chat(Parts parts) : parts_(parts) {}

  void add_routes(api::Endpoints& endpoints);
  void add_frames(api::Frames& frames);
  void add_streams(api::StreamNames& names);
  [[nodiscard]] Limits& limits() noexcept { return limits_; }

  // Rooms. Whoever makes a private room is in it. A slug that is taken is a conflict
  // (`slug_taken`).
  Task<Result<RoomList>> list(api::Membership org, auth::Principal caller, ListRooms wanted);
  Task<Result<RoomView>> get(Place place, auth::Principal caller);
  Task<Result<RoomView>> create(api::Membership org, auth::Principal caller, NewRoom wanted,
                                api::Once once);
  // A room that becomes private keeps the caller in it, and ends everybody else's subscriptions.
  Task<Result<RoomView>> change(Place place, auth::Principal caller, ChangeRoom wanted);
  // Nobody sees it from now on; purge() deletes what it held.
  Task<Result<void>> remove(Place place, auth::Principal caller);
  // Deletes what deleted rooms held, in small transactions; for a schedule.
  Task<Result<std::int64_t>> purge();

  // Members of a private room; of a public one they are a conflict (`room_is_public`).
  Task<Result<RoomMemberList>> members(Place place, auth::Principal caller, ListRooms wanted);
  Task<Result<RoomMemberView>> add_member(Place place, auth::Principal caller, AddRoomMember wanted,
                                          api::Once once);
  // Moderators, or oneself. Live subscriptions of who was removed end.
  Task<Result<void>> remove_member(Place place, auth::Principal caller, UserId user);

  // The first of a client_message_id makes a message and its event; a repeat answers with the
  // first, whatever became of it, and other content is a conflict. rate_limited past the user's
  // messages in a minute. Between the call and the writer's queue nothing suspends.
  Task<Result<SentView>> send(Place place, auth::Principal caller, SendMessage message,
                              api::Once once);
  Task<Result<HistoryView>> history(Place place, auth::Principal caller, HistoryQuery wanted);
  // One event of a room's stream whole, however long.
  Task<Result<std::string>> event(Place place, auth::Principal caller, Seq seq);

  // Changes of a message: its author for 24 hours, moderators always. Each is one event; what
  // changes nothing makes none. A deleted one keeps its place and loses its text, in the log too;
  // it takes no change (`message_deleted`) until a moderator brings it back.
  Task<Result<MessageView>> edit(MessageId id, auth::Principal caller, EditMessage wanted);
  Task<Result<void>> remove_message(MessageId id, auth::Principal caller);
  Task<Result<MessageView>> restore(MessageId id, auth::Principal caller);
  // For the author as long as it is there, and for moderators.
  Task<Result<VersionList>> versions(MessageId id, auth::Principal caller);
  // Anyone who sees the message. The reactions as they are then.
  Task<Result<ReactionList>> react(MessageId id, auth::Principal caller, Emoji emoji, bool remove);

  // For the moderators of the room's organisation. Once for each reporter and message; again is the
  // first one.
  Task<Result<ReportView>> report(MessageId id, auth::Principal caller, NewReport wanted,
                                  api::Once once);
  Task<Result<ReportList>> reports(api::Membership org, auth::Principal caller, ListReports wanted);
  Task<Result<ReportView>> resolve_report(ReportId id, auth::Principal caller);

  // How far the caller has read: forward alone, never past the head. In a room of up to 200 readers
  // everyone is told (`read_receipt`); the caller's other devices are, on `me` (`unread`).
  Task<Result<UnreadView>> read_up_to(Place place, auth::Principal caller, Receipt wanted);
  // The message and what follows it are unread again, for the caller's own counts; what others were
  // told stands.
  Task<Result<UnreadView>> mark_unread(Place place, auth::Principal caller, MarkUnread wanted);
  Task<Result<ReceiptList>> receipts(Place place, auth::Principal caller);
  // Of every room of an organisation that the user may see.
  Task<Result<std::vector<RoomUnreadView>>> unread(api::Membership org, UserId user);

  // What the caller wants to be told of in a room; kept for push too.
  Task<Result<RoomPreferences>> preferences(Place place, auth::Principal caller);
  Task<Result<RoomPreferences>> set_preferences(Place place, auth::Principal caller,
                                                RoomPreferences wanted);

  // Conversations. Those in which something was said, the one with the newest message first.
  Task<Result<ConversationList>> conversations(auth::Principal caller, ListRooms wanted);
  // Whoever may be written to has a conversation from its first use on; not_found for all others.
  Task<Result<ConversationView>> open_conversation(auth::Principal caller, UserId peer);
  // Those with something unread.
  Task<Result<std::vector<ConversationView>>> unread_conversations(UserId user);

  // Tells of what has reached devices since the last time; for a schedule.
  Task<void> flush_delivered();

  // What goes with an account: what the user had of their own here, and conversations, which nobody
  // could open any more. Messages in rooms stay, with the name of nobody.
  [[nodiscard]] static Result<void> erase(db::WriteTx& tx, UserId user, WallTime now);

  // A change by socket counts as one by HTTP does. rate_limited.
  [[nodiscard]] Result<void> charge(const auth::Principal& caller);
  // The room of that stream name, as the caller has it. not_found where it cannot be one.
  Task<Result<Place>> place_of(std::string stream, UserId caller);

 private:
  // What is told and done by changes of rooms, after the commit.

  Task<Result<api::ResolvedStream>> resolve(auth::Principal principal, std::string stream);
  Task<Result<std::optional<std::string>>> name_now(StreamId stream, OrgId org);
  Task<Result<MessagePlace>> message_place(MessageId id);
  [[nodiscard]] Result<void> check_length(const MessageBody& body) const;
  [[nodiscard]] Result<void> charge_message(const auth::Principal& caller);

  // Makes what a conversation needs, where it is not there.
  Task<Result<StreamId>> begin_conversation(Place place, auth::Principal caller);
  Task<Result<void>> deliver(StreamId stream, UserId user, Seq seq);

  Parts parts_;
  Limits limits_;
};

// A message as its reader sees it in history; whether they may is the caller's to know.
[[nodiscard]] Result<std::optional<MessageView>> read_message(db::Session& session, RoomId room,
                                                              MessageId id, UserId reader);

[[nodiscard]] std::string stream_name(std::string_view org, std::string_view room);

// For the command line and the demo: a room that nobody is in yet where it is private. A slug that
// is taken is a conflict (`slug_taken`).
[[nodiscard]] Result<RoomView> create_room(db::WriteTx& tx, const api::Membership& org,
                                           const NewRoom& wanted, const Clock& clock,
                                           Random& random);

}  // namespace indaba::chat
