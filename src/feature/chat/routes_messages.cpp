// HTTP: what is done to one message.
#include "feature/chat/message_access.hpp"
#include "feature/chat/routes.hpp"

namespace indaba::chat {

namespace {

using api::Call;
using api::Nothing;
using api::Reply;

Result<MessageId> id_of(const api::PathParams& path) {
  const auto number = path.number("id");
  if (!number) return no_such_message();
  return MessageId(*number);
}

Result<Emoji> emoji_of(const api::PathParams& path) {
  const auto text = path.text("emoji");
  if (const char* problem = Emoji::problem_with(text))
    return Error::invalid_field("emoji", problem);
  return Emoji(std::string(text));
}

Task<Result<Reply<MessageView>>> edit(Chat& chat, Call<EditMessage> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto editing = chat.edit(id, std::move(call.principal), std::move(call.body));
  INDABA_CO_TRY(auto view, co_await editing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<Nothing>>> remove_message(Chat& chat, Call<> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto removing = chat.remove_message(id, std::move(call.principal));
  INDABA_CO_TRY_VOID(co_await removing);
  co_return api::no_content();
}

Task<Result<Reply<MessageView>>> restore(Chat& chat, Call<> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto restoring = chat.restore(id, std::move(call.principal));
  INDABA_CO_TRY(auto view, co_await restoring);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<VersionList>>> versions(Chat& chat, Call<> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto listing = chat.versions(id, std::move(call.principal));
  INDABA_CO_TRY(auto view, co_await listing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<ReactionList>>> react(Chat& chat, Call<> call, bool undo) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  INDABA_CO_TRY(auto emoji, emoji_of(call.path));
  auto reacting = chat.react(id, std::move(call.principal), std::move(emoji), undo);
  INDABA_CO_TRY(auto view, co_await reacting);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<ReportView>>> report(Chat& chat, Call<NewReport> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto reporting =
      chat.report(id, std::move(call.principal), std::move(call.body), std::move(call.once));
  INDABA_CO_TRY(auto view, co_await reporting);
  co_return api::created(std::move(view));
}

Task<Result<Reply<ReportList>>> reports(Chat& chat, Call<Nothing, ListReports> call) {
  auto listing =
      chat.reports(*std::move(call.org), std::move(call.principal), std::move(call.query));
  INDABA_CO_TRY(auto view, co_await listing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<ReportView>>> resolve_report(Chat& chat, Call<> call) {
  const ReportId id(call.path.number("id").value_or(0));
  auto resolving = chat.resolve_report(id, std::move(call.principal));
  INDABA_CO_TRY(auto view, co_await resolving);
  co_return api::ok(std::move(view));
}

api::ErrorDocs deleted() {
  return {409, "message_deleted", "The message was deleted."};
}
api::ErrorDocs not_yours() {
  return {403, "forbidden", "Neither the author within 24 hours nor a moderator."};
}

void add_reaction_routes(Chat& chat, api::Endpoints& endpoints) {
  endpoints.put<Nothing, Nothing, ReactionList>(
      "/api/v1/messages/{id}/reactions/{emoji}",
      {.summary = "React to a message",
       .tag = "chat",
       .access = api::Access::user,
       .errors = {deleted(), {409, "too_many_reactions", "50 different ones are there."}}},
      [&chat](Call<> call) { return chat::react(chat, std::move(call), false); });
  endpoints.remove<Nothing, ReactionList>(
      "/api/v1/messages/{id}/reactions/{emoji}",
      {.summary = "Take a reaction back",
       .tag = "chat",
       .access = api::Access::user,
       .errors = {deleted()}},
      [&chat](Call<> call) { return chat::react(chat, std::move(call), true); });
}

void add_report_routes(Chat& chat, api::Endpoints& endpoints) {
  endpoints.post<NewReport, Nothing, ReportView>(
      "/api/v1/messages/{id}/report",
      {.summary = "Report a message to the moderators",
       .description = "Once for each reporter; again answers with the first.",
       .tag = "chat",
       .access = api::Access::user,
       .status = 201,
       .errors = {deleted(), {403, "forbidden", "A conversation of two has no moderators."}}},
      [&chat](Call<NewReport> call) { return chat::report(chat, std::move(call)); });
  endpoints.get<ListReports, ReportList>(
      "/api/v1/orgs/{org}/reports",
      {.summary = "What was reported, newest first",
       .tag = "chat",
       .access = api::Access::moderator},
      [&chat](Call<Nothing, ListReports> call) { return chat::reports(chat, std::move(call)); });
  endpoints.post<Nothing, Nothing, ReportView>(
      "/api/v1/reports/{id}/resolve",
      {.summary = "A report is dealt with",
       .tag = "chat",
       .access = api::Access::user,
       .errors = {{403, "forbidden", "The caller is no moderator."}}},
      [&chat](Call<> call) { return chat::resolve_report(chat, std::move(call)); });
}

}  // namespace

void add_message_routes(Chat& chat, api::Endpoints& endpoints) {
  endpoints.patch<EditMessage, Nothing, MessageView>(
      "/api/v1/messages/{id}",
      {.summary = "Edit a message",
       .description = "The author for 24 hours, moderators always.",
       .tag = "chat",
       .access = api::Access::user,
       .errors = {not_yours(), deleted()}},
      [&chat](Call<EditMessage> call) { return chat::edit(chat, std::move(call)); });
  endpoints.remove<Nothing, Nothing>(
      "/api/v1/messages/{id}",
      {.summary = "Delete a message",
       .description = "Its place stays; its text is gone from history and from the log.",
       .tag = "chat",
       .access = api::Access::user,
       .status = 204,
       .errors = {not_yours()}},
      [&chat](Call<> call) { return remove_message(chat, std::move(call)); });
  endpoints.post<Nothing, Nothing, MessageView>(
      "/api/v1/messages/{id}/restore",
      {.summary = "Bring a deleted message back",
       .description = "For moderators.",
       .tag = "chat",
       .access = api::Access::user,
       .errors = {{403, "forbidden", "The caller is no moderator."}}},
      [&chat](Call<> call) { return chat::restore(chat, std::move(call)); });
  endpoints.get<Nothing, VersionList>(
      "/api/v1/messages/{id}/history",
      {.summary = "What a message said, first to last",
       .description = "For its author as long as it is there, and for moderators.",
       .tag = "chat",
       .access = api::Access::user,
       .errors = {{403, "forbidden", "Neither the author nor a moderator."}}},
      [&chat](Call<> call) { return chat::versions(chat, std::move(call)); });
  add_reaction_routes(chat, endpoints);
  add_report_routes(chat, endpoints);
}

}  // namespace indaba::chat
