// The SQL of notifications, for this feature alone. Every statement carries its organisation or its
// stream.
#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "db/session.hpp"
#include "feature/notifications/notifications.hpp"

#include <map>
#include <optional>
#include <string>

namespace indaba::notifications::queries {

using Counts = std::map<std::string, std::int64_t, std::less<>>;  // events by type

[[nodiscard]] Result<Seq> find_last_read(db::Session& session, OrgId org, UserId user);
[[nodiscard]] Result<void> move_last_read(db::Session& session, OrgId org, UserId user, Seq up_to);
[[nodiscard]] Result<std::optional<Preferences>> find_preferences(db::Session& session, OrgId org,
                                                                  UserId user);
[[nodiscard]] Result<void> put_preferences(db::Session& session, OrgId org, UserId user,
                                           const Preferences& preferences);
// Among the newest `most` events: those after `after` / not before `from`.
[[nodiscard]] Result<Counts> count_after(db::Session& session, StreamId stream, Seq after,
                                         std::int64_t most);
[[nodiscard]] Result<Counts> count_since(db::Session& session, StreamId stream, WallTime from,
                                         std::int64_t most);

// Of the organisation whose notifications these are: what it is called now.
[[nodiscard]] Result<std::optional<std::string>> find_slug_of_stream(db::Session& session,
                                                                     OrgId org, StreamId stream);
[[nodiscard]] Result<void> erase_user(db::Session& session, UserId user);

}  // namespace indaba::notifications::queries
