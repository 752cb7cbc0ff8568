#include "api/whole_event.hpp"
#include "feature/topics/catalog.hpp"
#include "feature/topics/queries.hpp"
#include "feature/topics/topics.hpp"
#include "stream/event_log.hpp"
#include "stream/sql_store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace indaba::topics {

namespace {

Error no_such_topic() {
  return Error(ErrorKind::not_found, "There is no such topic.");
}

TopicView view_of(const api::Membership& org, const std::string& topic, const TopicRow& row) {
  TopicView view{topic, stream_name(org.slug, topic), row.durable,
                 {},    row.client_publish,           row.read};
  if (row.retention)
    view.retention_seconds =
        std::chrono::duration_cast<std::chrono::seconds>(*row.retention).count();
  return view;
}

// What declare() found and made, and which stream's readers must look again.
struct Declared {
  TopicRow row;
  StreamId reopened;
};

// A topic that changes its nature gets another stream: numbers start anew, and an old position must
// not fit.
Result<Declared> put_topic(db::WriteTx& tx, OrgId org, const std::string& name, TopicRow wanted,
                           const Clock& clock, Random& random) {
  auto& sql = tx.sql();
  INDABA_TRY(const auto before, queries::find(sql, org, name));
  Declared out{wanted, StreamId()};
  if (before && before->durable == wanted.durable) {
    out.row.stream = before->stream;
    if (before->read == ReadBy::token && wanted.read == ReadBy::members)
      out.reopened = before->stream;
    INDABA_TRY_VOID(queries::set_retention(sql, before->stream, org, wanted.retention));
  } else {
    if (before) {
      INDABA_TRY(const auto state, stream::read_state(sql, before->stream));
      if (before->durable && state.oldest <= state.head)
        return Error(ErrorKind::conflict,
                     "A topic stays durable, or not, as long as it keeps events.");
      out.reopened = before->stream;
      stream::delete_stream(tx, before->stream);
    }
    const stream::NewStream fresh{.kind = "topic",
                                  .org = org,
                                  .user = {},
                                  .durable = wanted.durable,
                                  .retention = wanted.retention};
    INDABA_TRY(out.row.stream, stream::create_stream(sql, fresh, clock, random));
  }
  INDABA_TRY_VOID(queries::put(sql, org, name, out.row, clock.wall()));
  return out;
}

std::string body_of(const NewEvent& event) {
  std::string body;
  json::append_member(body, "data", event.data);
  return body;
}

bool is_ephemeral(const TopicRow& topic, const NewEvent& event) {
  return !topic.durable || event.ephemeral.value_or(false);
}

// The stored events' places, spread over the batch in its order.
PublishedBatch results_of(const TopicRow& topic, const Batch& batch,
                          std::span<const db::Appended> stored) {
  PublishedBatch out;
  std::size_t next = 0;
  for (const auto& event : batch.events) {
    auto& result = out.results.emplace_back();
    if (is_ephemeral(topic, event)) continue;
    const auto& place = stored[next++];
    result.seq = json::Patch<Seq>(place.seq);
    result.duplicate = place.duplicate;
  }
  return out;
}

// API keys have been checked for their scope; admins may always.
Result<void> check_publisher(const api::Membership& org, const TopicRow& topic) {
  if (org.role >= auth::Role::admin || topic.client_publish == ClientPublish::members) return {};
  return Error(ErrorKind::forbidden, "Members do not publish on this topic.");
}

bool all_ephemeral(const TopicRow& topic, const Batch& batch) {
  return std::ranges::all_of(batch.events,
                             [&](const auto& event) { return is_ephemeral(topic, event); });
}

}  // namespace

Topics::Topics(Parts parts)
    : parts_(parts),
      catalog_(
          std::make_unique<Catalog>(parts.database, parts.clock, parts.changes, parts.believed)) {}

Topics::~Topics() = default;

std::string stream_name(std::string_view org, std::string_view topic) {
  return fmt::format("orgs/{}/topics/{}", org, topic);
}

Task<Result<TopicView>> Topics::declare(api::Membership org, std::string topic,
                                        DeclareTopic wanted) {
  TopicRow row{StreamId(), wanted.durable, {}, wanted.client_publish, wanted.read};
  if (wanted.retention_seconds)
    row.retention = std::chrono::seconds(wanted.retention_seconds->value());
  auto change = [parts = &parts_, org = org.org, topic, row](db::WriteTx& tx) -> Result<Declared> {
    INDABA_TRY(auto declared, put_topic(tx, org, topic, row, parts->clock, parts->random));
    parts->changes.record(tx, api::TopicChanged{org, topic});
    if (declared.reopened) parts->changes.record(tx, api::StreamClosed{declared.reopened});
    return declared;
  };
  auto writing = parts_.database.write(db::Shard(org.org), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  const auto& declared = written.value;
  co_return view_of(org, topic, declared.row);
}

Task<Result<PublishedBatch>> Topics::publish(api::Membership org, std::string topic, Batch batch,
                                             api::Once once) {
  if (!once) {
    auto finding = catalog_->find(org.org, topic);
    INDABA_CO_TRY(const auto known, co_await finding);
    if (known) {
      auto publishing = publish_known(std::move(org), std::move(topic), *known, std::move(batch));
      co_return co_await publishing;
    }
  }
  auto storing = store(std::move(org), std::move(topic), std::move(batch), std::move(once));
  co_return co_await storing;
}

Task<Result<PublishedBatch>> Topics::publish_known(api::Membership org, std::string topic,
                                                   TopicRow known, Batch batch) {
  // What leaves no trace needs no transaction.
  if (all_ephemeral(known, batch)) {
    INDABA_CO_TRY_VOID(check_publisher(org, known));
    send_ephemeral(known, batch);
    co_return results_of(known, batch, {});
  }
  auto storing = store(std::move(org), std::move(topic), std::move(batch), api::Once());
  co_return co_await storing;
}

Task<Result<PublishedBatch>> Topics::store(api::Membership org, std::string topic, Batch batch,
                                           api::Once once) {
  // A batch may be a megabyte, and the change outlives this call in the writer's queue.
  const auto shared = std::make_shared<const Batch>(std::move(batch));
  auto change = [org, topic, shared, once](db::WriteTx& tx) -> Result<TopicRow> {
    INDABA_TRY(const auto row, queries::find(tx.sql(), org.org, topic));
    if (!row) return no_such_topic();
    INDABA_TRY_VOID(check_publisher(org, *row));
    for (const auto& event : shared->events) {
      if (is_ephemeral(*row, event)) continue;
      tx.append({row->stream, event.type.str(), body_of(event),
                 event.dedupe_key ? event.dedupe_key->str() : std::string()});
    }
    once.keep(tx, [row = *row, shared](std::span<const db::Appended> stored) {
      return api::KeptAnswer{200, json::to_json(results_of(row, *shared, stored))};
    });
    return *row;
  };
  auto writing = parts_.database.write(db::Shard(org.org), change);
  INDABA_CO_TRY(const auto written, co_await writing);
  send_ephemeral(written.value, *shared);
  co_return results_of(written.value, *shared, written.events);
}

void Topics::send_ephemeral(const TopicRow& topic, const Batch& batch) {
  for (const auto& event : batch.events)
    if (is_ephemeral(topic, event))
      parts_.ephemeral.publish_ephemeral(topic.stream, event.type.str(), body_of(event));
}

Result<void> Topics::charge(const auth::Principal& principal) {
  return api::charge_write(parts_.limiter, principal, parts_.rates);
}

Task<Result<std::string>> Topics::event(auth::Principal principal, api::PathParams path, Seq seq) {
  const auto name = stream_name(path.text("org"), path.text("topic"));
  auto resolving = resolve(std::move(principal), std::move(path));
  auto found = co_await resolving;
  if (!found && found.error().kind == ErrorKind::not_found) co_return no_such_topic();
  if (!found) co_return std::move(found).error();
  auto query = [id = found->id, name, seq](db::Session& session) {
    return api::read_whole_event(session, id, name, seq);
  };
  auto reading = parts_.database.read(query);
  co_return co_await reading;
}

void Topics::add_streams(api::StreamNames& names) {
  names.add("orgs/{org}/topics/{topic}", [this](auth::Principal principal, api::PathParams params) {
    return resolve(std::move(principal), std::move(params));
  });
  names.add_namer([this](StreamId stream, OrgId org) { return name_now(stream, org); });
}

Task<Result<std::optional<std::string>>> Topics::name_now(StreamId stream, OrgId org) {
  auto query = [stream, org](db::Session& session) {
    return queries::find_names_of_stream(session, org, stream);
  };
  auto reading = parts_.database.read(query);
  INDABA_CO_TRY(const auto now, co_await reading);
  if (!now) co_return std::nullopt;
  co_return stream_name(now->first, now->second);
}

Task<Result<api::ResolvedStream>> Topics::resolve(auth::Principal principal,
                                                  api::PathParams params) {
  std::string slug(params.text("org"));
  std::string topic(params.text("topic"));
  const Error unknown(ErrorKind::not_found, "There is no such stream.");
  auto asking_org = parts_.gate.org_id(slug);
  const auto org = co_await asking_org;
  if (!org && org.error().kind == ErrorKind::not_found) co_return unknown;
  if (!org) co_return org.error();
  auto finding = catalog_->find(*org, topic);
  INDABA_CO_TRY(const auto found, co_await finding);
  if (!found) co_return unknown;

  const api::ResolvedStream stream{found->stream, *org, slug, {}, found->durable};
  const bool named =
      std::ranges::find(principal.streams, stream_name(slug, topic)) != principal.streams.end();
  if (named && found->read == ReadBy::token) co_return stream;
  if (principal.kind == auth::PrincipalKind::api_key && !principal.has_scope("read"))
    co_return unknown;
  auto asking = parts_.gate.membership(std::move(principal), std::move(slug));
  auto membership = co_await asking;
  if (!membership && membership.error().kind == ErrorKind::not_found) co_return unknown;
  if (!membership) co_return std::move(membership).error();
  // The slug may have changed hands between the two questions.
  if (membership->org != *org) co_return unknown;
  co_return stream;
}

}  // namespace indaba::topics
