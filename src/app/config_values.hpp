// Values of settings as people write them, read strictly. Pure.
#pragma once

#include "base/clock.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::app {

struct ListenAddress {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};

[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text);
[[nodiscard]] std::optional<std::int64_t> parse_count(std::string_view text);  // 0 and above
[[nodiscard]] std::optional<std::int64_t> parse_bytes(std::string_view text);  // "64KiB"
[[nodiscard]] std::optional<Millis> parse_duration(
    std::string_view text);  // "250ms", "30s", "24h", "90"
[[nodiscard]] std::optional<ListenAddress> parse_address(std::string_view text);
[[nodiscard]] std::vector<std::string> parse_list(
    std::string_view text);  // trimmed, empty ones left out
[[nodiscard]] bool is_url(std::string_view text);
// "host" of "postgres://user:password@host:5432/db"; empty where there is none.
[[nodiscard]] std::string url_host(std::string_view url);
// "https://host:port" of a URL, in lower case.
[[nodiscard]] std::string url_origin(std::string_view url);

}  // namespace indaba::app
