// The demo: an organisation to try, in a database that has nobody in it yet.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "db/database.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace indaba::app {

// Makes the organisation `demo` with anna (owner), ben and carla, and keeps their password in
// `password_file` (0600): `wanted`, or one made here. Where the database has users already, nothing
// is made. Says the password, if it is known. Not on a loop.
[[nodiscard]] Result<std::optional<std::string>> ensure_demo(
    db::Database& database, const std::filesystem::path& password_file,
    std::optional<std::string> wanted, const Clock& clock, Random& random);

}  // namespace indaba::app
