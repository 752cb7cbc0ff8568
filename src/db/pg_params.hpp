// PgParams: the parameters of one statement as libpq takes them: binary, each with its type said,
// so that the server never guesses one (a bigint column compared with an int4 parameter, a NULL of
// no type).
//
// Views into the values that it was made from; those must live as long.
#pragma once

#include "db/session.hpp"

#include <libpq-fe.h>

namespace indaba::db {

// Types by their numbers in pg_type, which never change.
namespace pg_type {
inline constexpr Oid kBool = 16;
inline constexpr Oid kBytea = 17;
inline constexpr Oid kName = 19;
inline constexpr Oid kInt8 = 20;
inline constexpr Oid kInt2 = 21;
inline constexpr Oid kInt4 = 23;
inline constexpr Oid kText = 25;
inline constexpr Oid kFloat8 = 701;
inline constexpr Oid kUnknown = 705;
inline constexpr Oid kBytea_array = 1001;
inline constexpr Oid kText_array = 1009;
inline constexpr Oid kInt8_array = 1016;
inline constexpr Oid kVarchar = 1043;
inline constexpr Oid kVoid = 2278;
}  // namespace pg_type

class PgParams {
 public:
  explicit PgParams(std::span<const Param> params);
  PgParams(const PgParams&) = delete;
  PgParams& operator=(const PgParams&) = delete;

  [[nodiscard]] int count() const noexcept { return static_cast<int>(types_.size()); }
  [[nodiscard]] const Oid* types() const noexcept { return types_.data(); }
  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
  [[nodiscard]] const int* lengths() const noexcept { return lengths_.data(); }
  [[nodiscard]] const int* formats() const noexcept { return formats_.data(); }

  // The same statement with the same parameters has the same key.
  [[nodiscard]] std::string key(std::string_view sql) const;

 private:
  void add(Oid type, const char* bytes, std::size_t size);
  void add_own(Oid type, std::string bytes);

  std::vector<Oid> types_;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::vector<std::string> own_;  // reserved at the start: its strings never move
};

}  // namespace indaba::db
