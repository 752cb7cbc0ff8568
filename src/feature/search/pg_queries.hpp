// The SQL that keeps the index in PostgreSQL.
#pragma once

#include "db/session.hpp"
#include "feature/search/index.hpp"

#include <string>
#include <vector>

namespace indaba::search::queries {

// `words` is a tsvector; the marks beside them come from the message's row. Told later.
[[nodiscard]] Result<void> put_words(db::Session& session, chat::MessageId id,
                                     const std::string& words);
[[nodiscard]] Result<void> remove_words(db::Session& session, chat::MessageId id);

struct Unindexed {
  chat::MessageId id;
  std::string body;
};
// The first `limit` messages behind `after`, in the order of their ids.
[[nodiscard]] Result<std::vector<Unindexed>> messages_behind(db::Session& session,
                                                             chat::MessageId after,
                                                             std::int64_t limit);

}  // namespace indaba::search::queries
