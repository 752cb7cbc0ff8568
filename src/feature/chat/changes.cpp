// What becomes of a message after it was sent: edited, deleted, restored; and what it said before.
#include "feature/chat/message_access.hpp"
#include "feature/chat/queries.hpp"
#include "stream/rewrite.hpp"

namespace indaba::chat {

namespace {

// What tells of a change: the message as it is now, and who changed it.
std::string changed_body(const MessageRow& message, const auth::Principal& caller) {
  auto body = event_body(message);
  json::append_name(body, "edited_at");
  body += json::to_json(message.edited_at);
  orgs::append_actor(body, orgs::actor_of(caller));
  return body;
}

// What stands in the log in the place of a deleted message.
std::string emptied_body(MessageRow message) {
  message.body.clear();
  auto body = event_body(message);
  json::append_member(body, "deleted", true);
  return body;
}

// A new version of the text, told by the event that was just staged. It has its number at the end
// of the group.
Result<void> add_version(db::WriteTx& tx, const MessageRow& before, const MessageRow& after,
                         UserId editor, WallTime now) {
  auto& sql = tx.sql();
  INDABA_TRY(auto newest, queries::newest_version(sql, before.id));
  if (newest == 0) {
    newest = 1;
    INDABA_TRY_VOID(queries::insert_version(
        sql, before.id, newest, {before.body, before.author, before.seq, before.created_at}));
  }
  const auto version = newest + 1;
  INDABA_TRY_VOID(
      queries::insert_version(sql, before.id, version, {after.body, {editor, {}}, Seq(), now}));
  tx.when_sequenced(
      [id = before.id, version](db::Session& session, std::span<const db::Appended> events) {
        return queries::place_version(session, id, version, events.back().seq);
      });
  return {};
}

// Everything that the log has of the text.
Result<std::vector<Seq>> told_by(db::Session& session, const MessageRow& message) {
  INDABA_TRY(const auto versions, queries::list_versions(session, message.id));
  std::vector<Seq> seqs{message.seq};
  for (const auto& version : versions) {
    // A change of the same group has no place yet that could be emptied.
    if (version.seq == Seq())
      return Error(ErrorKind::unavailable, "The message is being changed; try again.");
    if (version.seq != message.seq) seqs.push_back(version.seq);
  }
  return seqs;
}

Result<void> delete_now(db::WriteTx& tx, stream::RewriteListener& rewrites, const Subject& subject,
                        const auth::Principal& caller, WallTime now) {
  auto& sql = tx.sql();
  const auto& message = subject.message;
  const auto stream = subject.standing.room.stream;
  INDABA_TRY(const auto seqs, told_by(sql, message));
  INDABA_TRY_VOID(stream::rewrite_events(tx, rewrites, stream, seqs, emptied_body(message)));
  INDABA_TRY_VOID(queries::mark_message_deleted(sql, message.room, message.id, caller.user, now));
  std::string body;
  json::append_member(body, "id", message.id);
  orgs::append_actor(body, orgs::actor_of(caller));
  tx.append({stream, "message_deleted", std::move(body), {}});
  return {};
}

}  // namespace

Task<Result<MessagePlace>> Chat::message_place(MessageId id) {
  auto query = [id](db::Session& session) { return queries::find_message_place(session, id); };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto found, co_await reading);
  if (!found) co_return no_such_message();
  co_return *found;
}

Task<Result<MessageView>> Chat::edit(MessageId id, auth::Principal caller, EditMessage wanted) {
  INDABA_CO_TRY_VOID(check_length(wanted.body));
  auto placing = message_place(id);
  INDABA_CO_TRY(const auto place, co_await placing);
  auto change = [index = &parts_.index, now = parts_.clock.wall(), place, caller,
                 wanted](db::WriteTx& tx) -> Result<MessageView> {
    INDABA_TRY(auto subject, subject_of(tx.sql(), place, caller));
    INDABA_TRY_VOID(check_there(subject.message));
    INDABA_TRY_VOID(may_change(subject, caller, now));
    INDABA_TRY_VOID(may_write(tx.sql(), subject.standing, caller));
    const auto& before = subject.message;
    if (before.body == wanted.body.str()) return view_of(before);
    auto after = before;
    after.body = wanted.body.str();
    after.edited_at = now;
    INDABA_TRY_VOID(
        queries::update_body(tx.sql(), after.room, after.id, after.body, after.edited_at));
    INDABA_TRY_VOID(index->put(tx, after.id, after.body));
    tx.append({subject.standing.room.stream, "message_edited", changed_body(after, caller), {}});
    INDABA_TRY_VOID(add_version(tx, before, after, caller.user, now));
    return view_of(std::move(after));
  };
  auto writing = parts_.database.write(place.room.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<void>> Chat::remove_message(MessageId id, auth::Principal caller) {
  auto placing = message_place(id);
  INDABA_CO_TRY(const auto place, co_await placing);
  auto change = [parts = &parts_, now = parts_.clock.wall(), place,
                 caller](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY(const auto subject, subject_of(tx.sql(), place, caller));
    INDABA_TRY_VOID(may_change(subject, caller, now));
    if (subject.message.deleted_at) return {};  // twice is once
    INDABA_TRY_VOID(delete_now(tx, parts->rewrites, subject, caller, now));
    return parts->index.remove(tx, place.id);
  };
  auto writing = parts_.database.write(place.room.shard(), change);
  INDABA_CO_TRY_VOID(co_await writing);
  co_return Result<void>();
}

Task<Result<MessageView>> Chat::restore(MessageId id, auth::Principal caller) {
  auto placing = message_place(id);
  INDABA_CO_TRY(const auto place, co_await placing);
  auto change = [index = &parts_.index, now = parts_.clock.wall(), place,
                 caller](db::WriteTx& tx) -> Result<MessageView> {
    INDABA_TRY(auto subject, subject_of(tx.sql(), place, caller));
    INDABA_TRY_VOID(may_moderate(subject));
    auto after = subject.message;
    if (!after.deleted_at) return view_of(std::move(after));
    after.deleted_at.reset();
    INDABA_TRY_VOID(queries::mark_message_restored(tx.sql(), after.room, after.id));
    INDABA_TRY_VOID(index->put(tx, after.id, after.body));
    tx.append({subject.standing.room.stream, "message_restored", changed_body(after, caller), {}});
    INDABA_TRY_VOID(add_version(tx, subject.message, after, caller.user, now));
    return view_of(std::move(after));
  };
  auto writing = parts_.database.write(place.room.shard(), change);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return std::move(written.value);
}

Task<Result<VersionList>> Chat::versions(MessageId id, auth::Principal caller) {
  auto placing = message_place(id);
  INDABA_CO_TRY(const auto place, co_await placing);
  auto query = [place, caller](db::Session& session) -> Result<VersionList> {
    INDABA_TRY(auto subject, subject_of(session, place, caller));
    const auto& message = subject.message;
    const bool own = caller.is_user() && message.author.id == caller.user && !message.deleted_at;
    if (!own) {
      INDABA_TRY_VOID(may_moderate(subject));
    }
    INDABA_TRY(auto versions, queries::list_versions(session, message.id));
    VersionList list;
    if (versions.empty())
      list.versions.push_back({1, message.body, message.author, message.created_at});
    for (auto& version : versions)
      list.versions.push_back({static_cast<std::int64_t>(list.versions.size()) + 1,
                               std::move(version.body), std::move(version.editor),
                               version.created_at});
    return list;
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

}  // namespace indaba::chat
