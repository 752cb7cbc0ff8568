#include "feature/exports/exports.hpp"

namespace indaba::exports {

namespace {

using api::Access;
using api::Call;
using api::Nothing;
using api::Reply;

Result<JobId> id_of(const api::PathParams& path) {
  const auto number = path.number("id");
  if (!number) return Error(ErrorKind::not_found, "There is no such export.");
  return JobId(*number);
}

Task<Result<Reply<ExportView>>> start(Exports& service, Call<NewExport> call) {
  auto starting =
      service.start(*std::move(call.org), call.principal.user, call.body, std::move(call.once));
  INDABA_CO_TRY(auto view, co_await starting);
  co_return api::accepted(std::move(view));
}

Task<Result<Reply<ExportList>>> list(Exports& service, Call<> call) {
  auto listing = service.list(*std::move(call.org));
  INDABA_CO_TRY(auto view, co_await listing);
  co_return api::ok(std::move(view));
}

Task<Result<Reply<ExportView>>> get(Exports& service, Call<> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto getting = service.get(*std::move(call.org), id);
  INDABA_CO_TRY(auto view, co_await getting);
  co_return api::ok(std::move(view));
}

Task<Result<http::Response>> download(Exports& service, Call<> call) {
  INDABA_CO_TRY(const auto id, id_of(call.path));
  auto downloading = service.download(*std::move(call.org), call.principal.user, id);
  co_return co_await downloading;
}

}  // namespace

void Exports::add_routes(api::Endpoints& endpoints) {
  endpoints.post<NewExport, Nothing, ExportView>(
      "/api/v1/orgs/{org}/exports",
      {.summary = "Have something written out",
       .description =
           "Begins in the background; `export_done` on the organisation's notifications says when "
           "it is ready, and tasks/{task_id} how far it is. One that the caller has under way "
           "already is answered with again. Messages are those of all rooms of the "
           "organisation, of private ones too.",
       .tag = "exports",
       .access = Access::admin,
       .status = 202,
       .errors = {{429, "rate_limited", "The organisation had ten in the last hour."}}},
      [this](Call<NewExport> call) { return exports::start(*this, std::move(call)); });
  endpoints.get<Nothing, ExportList>(
      "/api/v1/orgs/{org}/exports",
      {.summary = "List exports",
       .description = "Newest first; they are kept for a week.",
       .tag = "exports",
       .access = Access::admin},
      [this](Call<> call) { return exports::list(*this, std::move(call)); });
  endpoints.get<Nothing, ExportView>(
      "/api/v1/orgs/{org}/exports/{id}",
      {.summary = "One export", .tag = "exports", .access = Access::admin},
      [this](Call<> call) { return exports::get(*this, std::move(call)); });
  endpoints.get_response<Nothing>(
      "/api/v1/orgs/{org}/exports/{id}/download",
      {.summary = "Download an export",
       .description =
           "CSV (RFC 4180; texts that a spreadsheet would take for a formula begin with an "
           "apostrophe) or JSON Lines, in UTF-8.",
       .tag = "exports",
       .access = Access::admin,
       .errors = {{409, "export_not_ready", "It has not been written yet."},
                  {409, "export_failed", "It will not be: see its error."}}},
      [this](Call<> call) { return exports::download(*this, std::move(call)); });
}

}  // namespace indaba::exports
