#include "feature/search/search.hpp"

namespace indaba::search {

namespace {

using api::Call;
using api::Nothing;
using api::Reply;

Task<Result<Reply<ResultList>>> find(Search& search, Call<Nothing, SearchMessages> call) {
  auto finding =
      search.find(*std::move(call.org), std::move(call.principal), std::move(call.query));
  INDABA_CO_TRY(auto list, co_await finding);
  co_return api::ok(std::move(list));
}

}  // namespace

void Search::add_routes(api::Endpoints& endpoints) {
  endpoints.get<SearchMessages, ResultList>(
      "/api/v1/orgs/{org}/search",
      {.summary = "Search the messages of the rooms that the caller may see, newest first",
       .description =
           "All words must occur, accents and case aside; \"a phrase\" as it stands, and wor* for "
           "every word that begins so. from:anna, in:general, before:2026-01-12, after:2026-01-12, "
           "has:link, has:reaction and has:reply narrow it, and so do the parameters. A page may "
           "be short or empty and still have a next_cursor. Highlights are HTML.",
       .tag = "chat",
       .scope = "read",
       .errors = {{429, "rate_limited", "Too many searches in a minute."}}},
      [this](Call<Nothing, SearchMessages> call) { return search::find(*this, std::move(call)); });
}

}  // namespace indaba::search
