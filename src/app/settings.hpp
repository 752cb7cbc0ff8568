// The one table of settings. Parsing, `indaba config check|show|env`, "did you mean" and
// docs/configuration.md all come from it: a setting that is not here does not exist.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace indaba::app {

enum class SettingType : std::uint8_t {
  text,
  address,   // HOST:PORT, [::1]:8080, or a port alone; port 0 picks one
  url,       // with a scheme
  list,      // separated by commas, an array in the file
  choice,    // one of `choices`
  boolean,   // true, false, 1, 0, yes, no, on, off
  integer,   // not negative
  bytes,     // 65536, 64KiB, 1MiB
  duration,  // 250ms, 30s, 10m, 24h, 30d; a number alone is seconds
};
[[nodiscard]] std::string_view to_string(SettingType type) noexcept;

struct Setting {
  std::string_view key;  // "server.listen"
  SettingType type;
  std::string_view fallback;  // the default, as one would write it; empty: not set
  std::string_view help;      // what it does, one line
  std::string_view also =
      {};  // other environment names that are understood, the preferred one first: "REDIS_URL"
  std::string_view choices = {};  // "open|invite|closed"
  std::string_view flag = {};     // "--listen"
  bool secret = false;            // masked when shown; INDABA_…_FILE names a file that holds it
  bool reloads = false;           // takes effect on SIGHUP
};

[[nodiscard]] std::span<const Setting> settings() noexcept;
[[nodiscard]] const Setting* find_setting(std::string_view key) noexcept;
// "INDABA_SERVER_LISTEN" for "server.listen".
[[nodiscard]] std::string environment_name(const Setting& setting);
// The known name that is nearest to a wrong one, where one is near enough to be meant.
[[nodiscard]] std::optional<std::string> nearest(std::string_view wrong,
                                                 std::span<const std::string> known);

}  // namespace indaba::app
