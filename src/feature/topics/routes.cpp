#include "base/text.hpp"
#include "feature/topics/topics.hpp"

namespace indaba::topics {

namespace {

using api::Call;
using api::Nothing;
using api::Reply;

Task<Result<Reply<TopicView>>> declare(Topics& service, Call<DeclareTopic> call) {
  std::string topic(call.path.text("topic"));
  if (!text::is_slug(topic))
    co_return Error::invalid_field("topic",
                                   "A topic's name is 1 to 64 of a-z, 0-9, \"-\" and \"_\", with a "
                                   "letter or digit at both ends.");
  auto declaring = service.declare(*std::move(call.org), std::move(topic), call.body);
  INDABA_CO_TRY(auto view, co_await declaring);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<PublishedBatch>>> publish(Topics& service, Call<Batch> call) {
  std::string topic(call.path.text("topic"));
  auto publishing = service.publish(*std::move(call.org), std::move(topic), std::move(call.body),
                                    std::move(call.once));
  INDABA_CO_TRY(auto view, co_await publishing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<json::Object>>> event(Topics& service, Call<> call) {
  const Seq seq(call.path.number("seq").value_or(0));  // no event has the number 0
  auto reading = service.event(std::move(call.principal), std::move(call.path), seq);
  INDABA_CO_TRY(auto event, co_await reading);
  co_return api::ok(json::Object{std::move(event)});
}

}  // namespace

void Topics::add_routes(api::Endpoints& endpoints) {
  endpoints.put<DeclareTopic, Nothing, TopicView>(
      "/api/v1/orgs/{org}/topics/{topic}",
      {.summary = "Declare a topic, or change it",
       .description = "A topic that is not durable keeps nothing: its events have no seq.",
       .tag = "topics",
       .access = api::Access::admin,
       .scope = "publish",
       .errors = {{409, "conflict", "`durable` cannot change while events are kept."}}},
      [this](Call<DeclareTopic> call) { return topics::declare(*this, std::move(call)); });
  endpoints.post<Batch, Nothing, PublishedBatch>(
      "/api/v1/orgs/{org}/topics/{topic}/events",
      {.summary = "Publish one event or an array of up to 1000, all or nothing",
       .description = "For admins and API keys, and for members where `client_publish` says so.",
       .tag = "topics",
       .scope = "publish",
       .errors = {{403, "forbidden", "Members do not publish on this topic."},
                  {409, "conflict", "A dedupe key was used with other content."}}},
      [this](Call<Batch> call) { return topics::publish(*this, std::move(call)); });
  endpoints.get<Nothing, json::Object>(
      "/api/v1/orgs/{org}/topics/{topic}/events/{seq}",
      {.summary = "One event of a topic, whole",
       .description = "For whoever may read the topic, holders of a token that names it too.",
       .tag = "topics",
       .access = api::Access::user,
       .scope = "read"},
      [this](Call<> call) { return topics::event(*this, std::move(call)); });
}

}  // namespace indaba::topics
