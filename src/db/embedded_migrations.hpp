// The migration files as the build embeds them (cmake/EmbedMigrations.cmake).
#pragma once

#include <span>
#include <string_view>

namespace indaba::db {

struct EmbeddedMigration {
  std::string_view file;  // "0001_streams.sqlite.sql"
  std::string_view sql;
};

[[nodiscard]] std::span<const EmbeddedMigration> embedded_migrations();

}  // namespace indaba::db
