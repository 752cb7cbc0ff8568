// The SQL that keeps the index in SQLite.
#pragma once

#include "db/session.hpp"
#include "feature/search/index.hpp"

namespace indaba::search::queries {

[[nodiscard]] Result<void> put(db::Session& session, chat::MessageId id);
[[nodiscard]] Result<void> remove(db::Session& session, chat::MessageId id);
[[nodiscard]] Result<bool> is_any_gone(db::Session& session);
// Up to `limit`; how many.
[[nodiscard]] Result<std::int64_t> remove_gone(db::Session& session, std::int64_t limit);

}  // namespace indaba::search::queries
