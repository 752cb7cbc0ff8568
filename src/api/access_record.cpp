#include "api/access_record.hpp"

#include "base/json.hpp"
#include "base/json_write.hpp"
#include "base/overloaded.hpp"

namespace indaba::api {

namespace {

// The members that kinds have; each has some of them.
struct Fields {
  std::string kind;
  std::int64_t org = 0;
  std::int64_t user = 0;
  std::int64_t session = 0;
  std::int64_t key = 0;
  std::int64_t stream = 0;
  std::string topic;
};

Fields fields_of(const AccessChange& change) {
  return std::visit(
      Overloaded{
          [](const MembershipEnded& c) {
            return Fields{.kind = "membership_ended", .org = c.org.value, .user = c.user.value};
          },
          [](const OrgDeleted& c) { return Fields{.kind = "org_deleted", .org = c.org.value}; },
          [](const SessionRevoked& c) {
            return Fields{
                .kind = "session_revoked", .user = c.user.value, .session = c.session.value};
          },
          [](const UserSessionsRevoked& c) {
            return Fields{
                .kind = "user_sessions_revoked", .user = c.user.value, .session = c.except.value};
          },
          [](const UserDisabled& c) {
            return Fields{.kind = "user_disabled", .user = c.user.value};
          },
          [](const ApiKeyRevoked& c) {
            return Fields{.kind = "api_key_revoked", .key = c.key.value};
          },
          [](const StreamClosed& c) {
            return Fields{.kind = "stream_closed", .stream = c.stream.value};
          },
          [](const StreamAccessEnded& c) {
            return Fields{
                .kind = "stream_access_ended", .user = c.user.value, .stream = c.stream.value};
          },
          [](const RoleChanged& c) {
            return Fields{.kind = "role_changed", .org = c.org.value, .user = c.user.value};
          },
          [](const SessionChanged& c) {
            return Fields{.kind = "session_changed", .session = c.session.value};
          },
          [](const OrgChanged& c) { return Fields{.kind = "org_changed", .org = c.org.value}; },
          [](const StreamRenamed& c) {
            return Fields{.kind = "stream_renamed", .stream = c.stream.value};
          },
          [](const UserChanged& c) { return Fields{.kind = "user_changed", .user = c.user.value}; },
          [](const TopicChanged& c) {
            return Fields{.kind = "topic_changed", .org = c.org.value, .topic = c.topic};
          },
          [](const AccessUnknown&) { return Fields{.kind = "unknown"}; },
      },
      change);
}

AccessChange change_of(const Fields& f) {
  const OrgId org(f.org);
  const UserId user(f.user);
  const SessionId session(f.session);
  const StreamId stream(f.stream);
  if (f.kind == "membership_ended") return MembershipEnded{org, user};
  if (f.kind == "org_deleted") return OrgDeleted{org};
  if (f.kind == "session_revoked") return SessionRevoked{user, session};
  if (f.kind == "user_sessions_revoked") return UserSessionsRevoked{user, session};
  if (f.kind == "user_disabled") return UserDisabled{user};
  if (f.kind == "api_key_revoked") return ApiKeyRevoked{ApiKeyId(f.key)};
  if (f.kind == "stream_closed") return StreamClosed{stream};
  if (f.kind == "stream_access_ended") return StreamAccessEnded{stream, user};
  if (f.kind == "role_changed") return RoleChanged{org, user};
  if (f.kind == "session_changed") return SessionChanged{session};
  if (f.kind == "org_changed") return OrgChanged{org};
  if (f.kind == "stream_renamed") return StreamRenamed{stream};
  if (f.kind == "user_changed") return UserChanged{user};
  if (f.kind == "topic_changed") return TopicChanged{org, f.topic};
  return AccessUnknown{};
}

void append_id(std::string& body, std::string_view name, std::int64_t id) {
  if (id != 0) json::append_member(body, name, id);
}

std::int64_t number(const boost::json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_int64() ? found->as_int64() : 0;
}

std::string text(const boost::json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

}  // namespace

std::string to_body(const AccessRecord& record) {
  const auto fields = fields_of(record.change);
  std::string body;
  append_id(body, "node", record.node.value);
  json::append_member(body, "change", fields.kind);
  append_id(body, "org", fields.org);
  append_id(body, "user", fields.user);
  append_id(body, "session", fields.session);
  append_id(body, "key", fields.key);
  append_id(body, "of_stream", fields.stream);
  if (!fields.topic.empty()) json::append_member(body, "topic", fields.topic);
  return body;
}

Result<AccessRecord> read_access_record(std::string_view body) {
  if (body.empty()) return Error::internal("a change of access without a body");
  INDABA_TRY(const auto parsed, json::parse("{" + std::string(body.substr(1)) + "}"));
  const auto& object = parsed.as_object();
  const Fields fields{text(object, "change"),    number(object, "org"), number(object, "user"),
                      number(object, "session"), number(object, "key"), number(object, "of_stream"),
                      text(object, "topic")};
  return AccessRecord{NodeId(number(object, "node")), change_of(fields)};
}

}  // namespace indaba::api
