#include "base/text.hpp"
#include "feature/topics/catalog.hpp"
#include "feature/topics/topics.hpp"

namespace indaba::topics {

namespace {

struct PublishFrame {
  api::EventType event;
  json::Raw data;
  std::optional<DedupeKey> dedupe_key;
  std::optional<bool> ephemeral;
};
BOOST_DESCRIBE_STRUCT(PublishFrame, (), (event, data, dedupe_key, ephemeral))

Error no_such_stream() {
  return Error(ErrorKind::not_found, "There is no such topic.");
}

// "orgs/acme/topics/prices", with slashes at its ends or without.
struct TopicName {
  std::string org;
  std::string topic;
};
std::optional<TopicName> parse_name(std::string_view stream) {
  if (stream.starts_with('/')) stream.remove_prefix(1);
  if (stream.ends_with('/')) stream.remove_suffix(1);
  const auto parts = text::split(stream, '/');
  if (parts.size() != 4 || parts[0] != "orgs" || parts[2] != "topics") return std::nullopt;
  return TopicName{std::string(parts[1]), std::string(parts[3])};
}

Result<void> check_key(const auth::Principal& principal) {
  if (principal.kind != auth::PrincipalKind::api_key) return {};
  if (principal.has_scope("publish") || principal.has_scope("admin")) return {};
  return Error(ErrorKind::forbidden, "This needs an API key with the scope \"publish\".");
}

api::FrameReply reply_of(const std::string& stream, const PublishedEvent& published) {
  api::FrameReply reply{"published", {}, false};
  json::append_member(reply.members, "stream", stream);
  if (published.seq.has_value()) json::append_member(reply.members, "seq", *published.seq);
  json::append_member(reply.members, "duplicate", published.duplicate);
  return reply;
}

Task<Result<api::FrameReply>> publish(Topics& service, api::OrgGate& gate,
                                      api::FrameCall<PublishFrame> call) {
  const auto name = parse_name(call.stream);
  if (!name) co_return no_such_stream();
  auto asking = gate.membership(call.principal, name->org);
  auto membership = co_await asking;
  if (!membership && membership.error().kind == ErrorKind::not_found) co_return no_such_stream();
  if (!membership) co_return std::move(membership).error();
  INDABA_CO_TRY_VOID(check_key(call.principal));

  // Known to be there, so that from here on nothing comes between this frame and the writer's
  // queue: the next one of this connection may begin, and its event will stand behind this one's.
  auto finding = service.catalog().find(membership->org, name->topic);
  INDABA_CO_TRY(const auto topic, co_await finding);
  if (!topic) co_return no_such_stream();
  const bool kept = topic->durable && !call.frame.ephemeral.value_or(false);
  if (kept) {
    INDABA_CO_TRY_VOID(service.charge(call.principal));
  }
  call.give_way();

  Batch batch;
  batch.events.push_back({std::move(call.frame.event), std::move(call.frame.data),
                          std::move(call.frame.dedupe_key), call.frame.ephemeral});
  auto publishing =
      service.publish_known(*std::move(membership), name->topic, *topic, std::move(batch));
  INDABA_CO_TRY(const auto published, co_await publishing);
  co_return reply_of(call.stream, published.results.front());
}

}  // namespace

void Topics::add_frames(api::Frames& frames) {
  frames.on<PublishFrame>(
      "publish",
      {.summary = "Publish an event on a topic that lets its members", .names_stream = true},
      [this](api::FrameCall<PublishFrame> call) {
        return topics::publish(*this, parts_.gate, std::move(call));
      });
}

}  // namespace indaba::topics
