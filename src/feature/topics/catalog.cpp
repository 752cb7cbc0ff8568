#include "feature/topics/catalog.hpp"

#include <variant>

namespace indaba::topics {

namespace {

constexpr std::size_t kMaxTopics = 50'000;

}  // namespace

Catalog::Catalog(db::Database& database, const Clock& clock, api::AccessChanges& changes,
                 Millis believed)
    : database_(database), topics_(clock, kMaxTopics, believed) {
  changes.listen([this](const api::AccessChange& change) {
    if (const auto* deleted = std::get_if<api::OrgDeleted>(&change))
      topics_.forget_if([&](const Key& key, const TopicRow&) { return key.org == deleted->org; });
    if (const auto* changed = std::get_if<api::TopicChanged>(&change))
      topics_.forget({changed->org, changed->topic});
    if (std::holds_alternative<api::AccessUnknown>(change))
      topics_.forget_if([](const Key&, const TopicRow&) { return true; });
  });
}

Task<Result<std::optional<TopicRow>>> Catalog::find(OrgId org, std::string topic) {
  const Key key{org, std::move(topic)};
  if (auto known = topics_.find(key)) co_return std::move(known);
  const auto ticket = topics_.ticket(key);
  auto query = [key](db::Session& session) { return queries::find(session, key.org, key.topic); };
  auto reading = database_.read(query);
  INDABA_CO_TRY(auto found, co_await reading);
  if (found) topics_.put(key, *found, ticket);
  co_return std::move(found);
}

}  // namespace indaba::topics
