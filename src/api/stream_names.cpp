#include "api/stream_names.hpp"

namespace indaba::api {

namespace {

constexpr std::size_t kMaxName = 256;

std::string_view without_slashes(std::string_view name) {
  if (name.starts_with('/')) name.remove_prefix(1);
  if (name.ends_with('/')) name.remove_suffix(1);
  return name;
}

}  // namespace

void StreamNames::add(std::string_view pattern, Resolver resolver) {
  router_.add(http::Method::get, "/" + std::string(pattern), resolvers_.size());
  resolvers_.push_back(std::move(resolver));
  patterns_.emplace_back(pattern);
}

Task<Result<ResolvedStream>> StreamNames::resolve(auth::Principal principal,
                                                  std::string name) const {
  const Error unknown(ErrorKind::not_found, "There is no such stream.");
  const std::string_view bare = without_slashes(name);
  if (bare.empty() || bare.size() > kMaxName) co_return unknown;
  const auto path = "/" + std::string(bare);
  const auto match = router_.match(http::Method::get, path);
  if (match.outcome != http::Router::Outcome::found) co_return unknown;
  PathParams params;
  for (std::size_t i = 0; i < match.param_count; ++i)
    params.add(match.params[i].name, std::string(match.params[i].value));
  auto resolving = resolvers_[match.route](std::move(principal), std::move(params));
  INDABA_CO_TRY(auto found, co_await resolving);
  found.name = path.substr(1);
  co_return found;
}

Task<Result<ResolvedStream>> StreamNames::resolve_again(auth::Principal principal, std::string name,
                                                        StreamId id, OrgId org) const {
  auto resolving = resolve(principal, name);
  auto found = co_await resolving;
  if (found ? found->id == id : found.error().kind != ErrorKind::not_found) co_return found;
  auto asking = name_now(id, org);
  INDABA_CO_TRY(auto now, co_await asking);
  if (!now) co_return found;
  auto resolving_now = resolve(std::move(principal), *std::move(now));
  auto renamed = co_await resolving_now;
  if (!renamed) co_return renamed;
  if (renamed->id != id) co_return Error(ErrorKind::not_found, "There is no such stream.");
  if (!found) renamed->name = without_slashes(name);
  co_return renamed;
}

Task<Result<std::optional<std::string>>> StreamNames::name_now(StreamId id, OrgId org) const {
  for (const auto& namer : namers_) {
    auto asking = namer(id, org);
    INDABA_CO_TRY(auto now, co_await asking);
    if (now) co_return now;
  }
  co_return std::nullopt;
}

}  // namespace indaba::api
