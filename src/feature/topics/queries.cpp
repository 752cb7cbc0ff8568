#include "feature/topics/queries.hpp"

namespace indaba::topics::queries {

namespace {

constexpr std::string_view kFind =
    "SELECT stream_id, durable, retention_ms, client_publish, read_by FROM topics"
    " WHERE org_id = $1 AND name = $2";
constexpr std::string_view kFindNames =
    "SELECT o.slug, t.name FROM topics t JOIN orgs o ON o.id = t.org_id"
    " WHERE t.org_id = $1 AND t.stream_id = $2";
constexpr std::string_view kPut =
    "INSERT INTO topics (org_id, name, stream_id, durable, retention_ms, client_publish, read_by,"
    " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    " ON CONFLICT (org_id, name) DO UPDATE SET stream_id = excluded.stream_id,"
    " durable = excluded.durable, retention_ms = excluded.retention_ms,"
    " client_publish = excluded.client_publish, read_by = excluded.read_by";
constexpr std::string_view kSetRetention =
    "UPDATE streams SET retention_ms = $3 WHERE id = $1 AND org_id = $2";

TopicRow topic_of(const db::Row& row) {
  TopicRow topic;
  topic.stream = row.id<StreamId>(0);
  topic.durable = row.boolean(1);
  if (!row.is_null(2)) topic.retention = Millis(row.int64(2));
  topic.client_publish = json::from_name<ClientPublish>(row.text(3)).value_or(ClientPublish::none);
  topic.read = json::from_name<ReadBy>(row.text(4)).value_or(ReadBy::members);
  return topic;
}

std::optional<std::int64_t> count(std::optional<Millis> time) {
  return time ? std::optional(std::int64_t{time->count()}) : std::nullopt;
}

}  // namespace

Result<std::optional<TopicRow>> find(db::Session& session, OrgId org, std::string_view topic) {
  return session.first<TopicRow>(kFind, topic_of, org, topic);
}

Result<std::optional<std::pair<std::string, std::string>>> find_names_of_stream(
    db::Session& session, OrgId org, StreamId stream) {
  return session.first<std::pair<std::string, std::string>>(
      kFindNames,
      [](const db::Row& row) {
        return std::pair(std::string(row.text(0)), std::string(row.text(1)));
      },
      org, stream);
}

Result<void> put(db::Session& session, OrgId org, std::string_view topic, const TopicRow& row,
                 WallTime now) {
  return session.execute(kPut, org, topic, row.stream, row.durable, count(row.retention),
                         json::name_of(row.client_publish), json::name_of(row.read),
                         to_millis(now));
}

Result<void> set_retention(db::Session& session, StreamId stream, OrgId org,
                           std::optional<Millis> retention) {
  return session.execute(kSetRetention, stream, org, count(retention));
}

}  // namespace indaba::topics::queries
