// Topics: streams "orgs/{org}/topics/{topic}" on which a team's own programs, and clients where the
// topic allows it, publish whatever they like.
//
// A durable topic keeps its events as every stream does. One that is not durable keeps nothing: its
// events have no seq, and who is not connected misses them. Whether a topic is durable cannot
// change while it keeps events. Any executor.
#pragma once

#include "api/access_changes.hpp"
#include "api/checks.hpp"
#include "api/endpoint.hpp"
#include "api/event_type.hpp"
#include "api/frames.hpp"
#include "api/org_gate.hpp"
#include "api/stream_names.hpp"
#include "auth/versioned_cache.hpp"
#include "base/random.hpp"
#include "stream/publisher.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace indaba::topics {

enum class ClientPublish : std::uint8_t { none, members };
BOOST_DESCRIBE_ENUM(ClientPublish, none, members)
// `token`: also whoever holds a token whose `streams` claim names the topic.
enum class ReadBy : std::uint8_t { members, token };
BOOST_DESCRIBE_ENUM(ReadBy, members, token)

struct DeclareTopic {
  bool durable = true;
  std::optional<json::Int<1, 315'360'000>> retention_seconds;  // none: as all topics
  ClientPublish client_publish = ClientPublish::none;
  ReadBy read = ReadBy::members;
  static constexpr std::array kDefaulted{
      std::string_view("durable"), std::string_view("client_publish"), std::string_view("read")};
};
BOOST_DESCRIBE_STRUCT(DeclareTopic, (), (durable, retention_seconds, client_publish, read))

struct TopicView {
  std::string topic;
  std::string stream;  // its name
  bool durable = true;
  std::optional<std::int64_t> retention_seconds;
  ClientPublish client_publish = ClientPublish::none;
  ReadBy read = ReadBy::members;
};
BOOST_DESCRIBE_STRUCT(TopicView, (),
                      (topic, stream, durable, retention_seconds, client_publish, read))

using DedupeKey = json::Text<1, 200>;

struct NewEvent {
  api::EventType type;
  json::Raw data;
  std::optional<DedupeKey> dedupe_key;
  std::optional<bool> ephemeral;
};
BOOST_DESCRIBE_STRUCT(NewEvent, (), (type, data, dedupe_key, ephemeral))

// One event or an array of them.
struct Batch {
  static constexpr std::size_t kMost = 1000;
  std::vector<NewEvent> events;
};

struct PublishedEvent {
  json::Patch<Seq> seq;  // absent where ephemeral
  bool duplicate = false;
};
BOOST_DESCRIBE_STRUCT(PublishedEvent, (), (seq, duplicate))

struct PublishedBatch {
  std::vector<PublishedEvent> results;  // in the order of the events
};
BOOST_DESCRIBE_STRUCT(PublishedBatch, (), (results))

class Catalog;
struct TopicRow;

class Topics {
 public:
  struct Parts {  // all outlive this
    db::Database& database;
    api::OrgGate& gate;
    stream::EphemeralPublisher& ephemeral;
    api::AccessChanges& changes;
    api::RateLimiter& limiter;
    const api::RateLimits& rates;
    const Clock& clock;
    Random& random;
    Millis believed = auth::kBelievedAlone;  // what is remembered of topics
  };
  explicit Topics(Parts parts);
  ~Topics();

  void add_routes(api::Endpoints& endpoints);
  void add_frames(api::Frames& frames);
  void add_streams(api::StreamNames& names);

  // Makes the topic or changes it. conflict where it keeps events and `durable` differs.
  Task<Result<TopicView>> declare(api::Membership org, std::string topic, DeclareTopic wanted);
  // All or nothing. not_found where the topic is not declared; forbidden for members where clients
  // may not publish; conflict where a dedupe key was used with other content. An event does not say
  // who sent it: where that matters, the team's data does.
  Task<Result<PublishedBatch>> publish(api::Membership org, std::string topic, Batch batch,
                                       api::Once once);
  // One event whole, however long, for whoever may read the topic. not_found where there is none or
  // it is no longer kept.
  Task<Result<std::string>> event(auth::Principal principal, api::PathParams path, Seq seq);
  // The same for one who has asked the catalog: nothing is awaited before the writer's queue.
  Task<Result<PublishedBatch>> publish_known(api::Membership org, std::string topic, TopicRow known,
                                             Batch batch);
  [[nodiscard]] Catalog& catalog() noexcept { return *catalog_; }

  // One event that came by socket and will be kept counts as a change of the caller, as one by HTTP
  // does; what is not kept has the limit on frames. rate_limited.
  [[nodiscard]] Result<void> charge(const auth::Principal& principal);

 private:
  Task<Result<api::ResolvedStream>> resolve(auth::Principal principal, api::PathParams params);
  Task<Result<std::optional<std::string>>> name_now(StreamId stream, OrgId org);
  Task<Result<PublishedBatch>> store(api::Membership org, std::string topic, Batch batch,
                                     api::Once once);
  void send_ephemeral(const TopicRow& topic, const Batch& batch);

  Parts parts_;
  std::unique_ptr<Catalog> catalog_;
};

[[nodiscard]] std::string stream_name(std::string_view org, std::string_view topic);

}  // namespace indaba::topics

template <>
struct indaba::json::Codec<indaba::topics::Batch> : CodecTraits<> {
  static void read(const boost::json::value& v, topics::Batch& out, Problems& problems);
  static boost::json::object schema(Use use);
};
