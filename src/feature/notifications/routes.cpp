#include "feature/notifications/notifications.hpp"

namespace indaba::notifications {

namespace {

using api::Access;
using api::Call;
using api::Nothing;
using api::Reply;

struct ListQuery {
  std::optional<Seq> since;
  json::Int<1, 200> limit{50};
  static constexpr std::array kDefaulted{std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(ListQuery, (), (since, limit))

struct ActivityQuery {
  json::Int<1, 200> limit{20};
  static constexpr std::array kDefaulted{std::string_view("limit")};
};
BOOST_DESCRIBE_STRUCT(ActivityQuery, (), (limit))

struct ReadUpTo {
  Seq up_to;
};
BOOST_DESCRIBE_STRUCT(ReadUpTo, (), (up_to))

Task<Result<Reply<PageView>>> list(Notifications& service, Call<Nothing, ListQuery> call) {
  auto listing =
      service.list(*call.org, call.query.since, static_cast<std::size_t>(call.query.limit.value()));
  INDABA_CO_TRY(auto page, co_await listing);
  co_return api::ok(std::move(page));
}

Task<Result<Reply<json::Object>>> get(Notifications& service, Call<> call) {
  const auto seq = call.path.number("seq");
  if (!seq) co_return Error(ErrorKind::not_found, "There is no such notification.");
  auto getting = service.get(*call.org, Seq(*seq));
  INDABA_CO_TRY(auto event, co_await getting);
  co_return api::ok(json::Object{std::move(event)});
}

Task<Result<Reply<json::Object>>> publish(Notifications& service, Call<NewNotification> call) {
  auto publishing = service.publish(*call.org, std::move(call.principal), std::move(call.body),
                                    std::move(call.once));
  INDABA_CO_TRY(auto published, co_await publishing);
  co_return Reply<json::Object>{published.duplicate ? 200 : 201, {std::move(published.event)}, {}};
}

Task<Result<Reply<SummaryView>>> summary(Notifications& service, Call<> call) {
  auto asking = service.summary(*call.org, call.principal.user);
  INDABA_CO_TRY(auto view, co_await asking);
  co_return api::ok(view);
}

Task<Result<Reply<SummaryView>>> read_up_to(Notifications& service, Call<ReadUpTo> call) {
  auto reading = service.read_up_to(*call.org, call.principal.user, call.body.up_to);
  INDABA_CO_TRY(auto view, co_await reading);
  co_return api::ok(view);
}

Task<Result<Reply<Preferences>>> preferences(Notifications& service, Call<> call) {
  auto asking = service.preferences(*call.org, call.principal.user);
  INDABA_CO_TRY(auto view, co_await asking);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<Preferences>>> set_preferences(Notifications& service, Call<Preferences> call) {
  auto setting = service.set_preferences(*call.org, call.principal.user, std::move(call.body));
  INDABA_CO_TRY(auto view, co_await setting);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<ActivityView>>> activity(Notifications& service,
                                           Call<Nothing, ActivityQuery> call) {
  auto asking = service.activity(*call.org, static_cast<std::size_t>(call.query.limit.value()));
  INDABA_CO_TRY(auto view, co_await asking);
  co_return api::ok(std::move(view));
}

void add_reading(Notifications& service, api::Endpoints& endpoints) {
  const api::Docs list_docs{.summary = "List notifications",
                            .description = "Oldest first. Without `since`, the newest `limit`.",
                            .tag = "notifications",
                            .scope = "read"};
  const auto lists = [&service](Call<Nothing, ListQuery> call) {
    return list(service, std::move(call));
  };
  endpoints.get<ListQuery, PageView>("/api/v1/orgs/{org}/notifications", list_docs, lists);
  endpoints.get<ListQuery, PageView>("/orgs/{org}/notifications", list_docs, lists);
  endpoints.get<Nothing, json::Object>(
      "/api/v1/orgs/{org}/notifications/{seq}",
      {.summary = "One notification, whole", .tag = "notifications", .scope = "read"},
      [&service](Call<> call) { return get(service, std::move(call)); });
  endpoints.get<ActivityQuery, ActivityView>(
      "/api/v1/orgs/{org}/activity",
      {.summary = "The newest events, and what goes on", .tag = "notifications", .scope = "read"},
      [&service](Call<Nothing, ActivityQuery> call) { return activity(service, std::move(call)); });
}

void add_publishing(Notifications& service, api::Endpoints& endpoints) {
  endpoints.post<NewNotification, Nothing, json::Object>(
      "/api/v1/orgs/{org}/notifications",
      {.summary = "Publish a notification",
       .description =
           "The members of `payload` stand at the top level of the event. A dedupe_key that "
           "was used with the same content answers 200 with the first event.",
       .tag = "notifications",
       .access = Access::admin,
       .status = 201,
       .scope = "publish",
       .errors = {{409, "conflict", "The dedupe key was used with other content."}}},
      [&service](Call<NewNotification> call) { return publish(service, std::move(call)); });
}

void add_positions(Notifications& service, api::Endpoints& endpoints) {
  endpoints.get<Nothing, SummaryView>(
      "/api/v1/orgs/{org}/notifications/summary",
      {.summary = "How many are unread", .tag = "notifications"},
      [&service](Call<> call) { return summary(service, std::move(call)); });
  endpoints.post<ReadUpTo, Nothing, SummaryView>(
      "/api/v1/orgs/{org}/notifications/read",
      {.summary = "Mark as read up to a number",
       .description = "The position only moves forward.",
       .tag = "notifications"},
      [&service](Call<ReadUpTo> call) { return read_up_to(service, std::move(call)); });
  endpoints.get<Nothing, Preferences>(
      "/api/v1/orgs/{org}/notification-preferences",
      {.summary = "What is muted, and what is pushed", .tag = "notifications"},
      [&service](Call<> call) { return preferences(service, std::move(call)); });
  endpoints.put<Preferences, Nothing, Preferences>(
      "/api/v1/orgs/{org}/notification-preferences",
      {.summary = "Mute types, and choose what is pushed",
       .description = "Muting affects unread counts and push, never what the stream delivers.",
       .tag = "notifications"},
      [&service](Call<Preferences> call) { return set_preferences(service, std::move(call)); });
}

}  // namespace

void Notifications::add_routes(api::Endpoints& endpoints) {
  add_reading(*this, endpoints);
  add_publishing(*this, endpoints);
  add_positions(*this, endpoints);
}

}  // namespace indaba::notifications
