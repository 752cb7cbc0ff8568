#include "app/bridge_sink.hpp"

#include "api/event_type.hpp"
#include "base/json_write.hpp"

#include <fmt/format.h>
#include <memory>

namespace indaba::app {

namespace {

using cluster::BridgeStream;
using cluster::KnownStream;
using Kind = BridgeStream::Kind;

constexpr std::string_view kOrg =
    "SELECT notifications_stream, 1, id, slug, '' FROM orgs WHERE id = $1 OR slug = $2";
constexpr std::string_view kTopic =
    "SELECT t.stream_id, t.durable, o.id, o.slug, t.name FROM orgs o JOIN topics t ON t.org_id = "
    "o.id WHERE (o.id = $1 OR o.slug = $2) AND t.name = $3";
constexpr std::string_view kUser = "SELECT me_stream FROM users WHERE id = $1 AND active = 1";
constexpr std::string_view kOrgOfStream =
    "SELECT o.notifications_stream, 1, o.id, o.slug, '' FROM streams s JOIN orgs o ON o.id = "
    "s.org_id WHERE s.id = $1 AND o.notifications_stream = s.id";
constexpr std::string_view kTopicOfStream =
    "SELECT t.stream_id, t.durable, o.id, o.slug, t.name FROM topics t JOIN orgs o ON o.id = "
    "t.org_id WHERE t.stream_id = $1";
constexpr std::string_view kUserOfStream =
    "SELECT u.id FROM streams s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND u.me_stream = "
    "s.id AND u.active = 1";
constexpr std::string_view kOrgsAfter =
    "SELECT id, slug FROM orgs WHERE id > $1 ORDER BY id LIMIT $2";
constexpr std::string_view kUsersAfter =
    "SELECT id, '' FROM users WHERE id > $1 AND active = 1 ORDER BY id LIMIT $2";
constexpr std::int64_t kPage = 5000;

KnownStream of_org(const db::Row& row) {
  KnownStream stream{row.id<StreamId>(0), row.boolean(1), {}};
  stream.name.org = row.id<OrgId>(2);
  stream.name.slug = row.string(3);
  stream.name.topic = row.string(4);
  stream.name.kind = stream.name.topic.empty() ? Kind::notifications : Kind::topic;
  return stream;
}

KnownStream of_user(StreamId id, UserId user) {
  KnownStream stream{id, true, {}};
  stream.name.kind = Kind::me;
  stream.name.user = user;
  return stream;
}

db::Shard shard_of(const KnownStream& stream) {
  return stream.name.kind == Kind::me ? db::Shard(stream.name.user.value)
                                      : db::Shard(stream.name.org);
}

}  // namespace

Task<Result<std::optional<KnownStream>>> SqlBridgeSink::find(BridgeStream stream) {
  auto query = [stream](db::Session& session) -> Result<std::optional<KnownStream>> {
    switch (stream.kind) {
      case Kind::notifications:
        return session.first<KnownStream>(kOrg, of_org, stream.org.value, stream.slug);
      case Kind::topic:
        return session.first<KnownStream>(kTopic, of_org, stream.org.value, stream.slug,
                                          stream.topic);
      case Kind::me:
        break;
    }
    const auto known = [&](const db::Row& row) {
      return of_user(row.id<StreamId>(0), stream.user);
    };
    return session.first<KnownStream>(kUser, known, stream.user);
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<std::optional<KnownStream>>> SqlBridgeSink::find(StreamId stream) {
  auto query = [stream](db::Session& session) -> Result<std::optional<KnownStream>> {
    for (const auto sql : {kOrgOfStream, kTopicOfStream}) {
      INDABA_TRY(auto found, session.first<KnownStream>(sql, of_org, stream));
      if (found) return found;
    }
    const auto known = [&](const db::Row& row) { return of_user(stream, row.id<UserId>(0)); };
    return session.first<KnownStream>(kUserOfStream, known, stream);
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Task<Result<cluster::BridgeSink::Blanks>> SqlBridgeSink::blanks(cluster::GroupMapping mapping,
                                                                std::int64_t after) {
  const bool users = mapping.stream.kind == Kind::me;
  const bool slugs = mapping.blank == cluster::GroupMapping::Blank::slug;
  auto query = [users, slugs, after](db::Session& session) {
    using Blank = Blanks::value_type;
    const auto blank = [slugs](const db::Row& row) {
      return Blank(row.int64(0), slugs ? row.string(1) : std::to_string(row.int64(0)));
    };
    return session.all<Blank>(users ? kUsersAfter : kOrgsAfter, blank, after, kPage);
  };
  auto reading = database_.read(query);
  co_return co_await reading;
}

Result<std::string> SqlBridgeSink::body_of(Kind kind, const boost::json::object& members) {
  std::string body;
  if (kind == Kind::topic) {
    json::append_name(body, "data");
    json::append_value(body, members);
    return body;
  }
  for (const auto& member : members) {
    if (api::is_reserved_member(member.key()))
      return Error(ErrorKind::invalid,
                   fmt::format("the member {} is the event's own", std::string(member.key())));
    body += ',';
    json::append_string(body, member.key());
    body += ':';
    json::append_value(body, member.value());
  }
  return body;
}

Task<Result<void>> SqlBridgeSink::append(KnownStream stream,
                                         std::vector<cluster::BridgeEvent> events,
                                         cluster::Leader::Fence fence) {
  const auto shared = std::make_shared<const std::vector<cluster::BridgeEvent>>(std::move(events));
  auto change = [id = stream.id, shared, fence](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(fence(tx.sql()));
    for (const auto& event : *shared) tx.append({id, event.type, event.body, event.dedupe_key});
    return {};
  };
  auto writing = database_.write(shard_of(stream), change);
  auto written = co_await writing;
  if (!written) co_return std::move(written).error();
  co_return Result<void>();
}

void SqlBridgeSink::publish(const KnownStream& stream, cluster::BridgeEvent event,
                            bool on_all_nodes) {
  auto& readers = on_all_nodes ? all_readers_ : own_readers_;
  readers.publish_ephemeral(stream.id, std::move(event.type), std::move(event.body));
}

}  // namespace indaba::app
