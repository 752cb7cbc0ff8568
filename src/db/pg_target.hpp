// PgTarget: where PostgreSQL is and as whom to come, out of an address such as
// postgres://user:password@host:5432/name?sslmode=verify-full.
//
// Holds the password: never logged, never part of an error.
#pragma once

#include "base/result.hpp"
#include "db/pg_options.hpp"

#include <string>
#include <utility>
#include <vector>

namespace indaba::db {

class PgTarget {
 public:
  [[nodiscard]] static Result<PgTarget> parse(const std::string& url,
                                              const PgDefaults& defaults = {});

  // Keyword and value, as libpq takes them.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& settings() const noexcept {
    return settings_;
  }
  // "host:port/name", for the operator.
  [[nodiscard]] std::string shown() const;

 private:
  [[nodiscard]] std::string value(std::string_view keyword) const;
  void set_default(std::string_view keyword, const std::string& value);

  std::vector<std::pair<std::string, std::string>> settings_;
};

}  // namespace indaba::db
