#include "app/config_values.hpp"

#include "base/text.hpp"

#include <array>
#include <utility>

namespace indaba::app {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// "<number><unit>" by a table of units; the factor of a number alone stands under "".
std::optional<std::int64_t> with_unit(std::string_view text, std::span<const Unit> units) {
  const auto digits = text.find_first_not_of("0123456789");
  const auto number = parse_count(text.substr(0, digits));
  if (!number) return std::nullopt;
  const auto rest =
      digits == std::string_view::npos ? std::string_view() : text::trim(text.substr(digits));
  for (const auto& unit : units) {
    if (rest != unit.name) continue;
    std::int64_t product = 0;
    if (__builtin_mul_overflow(*number, unit.factor, &product)) return std::nullopt;
    return product;
  }
  return std::nullopt;
}

}  // namespace

std::optional<bool> parse_boolean(std::string_view text) {
  const auto word = text::to_lower(text::trim(text));
  for (const auto* yes : {"true", "1", "yes", "on"})
    if (word == yes) return true;
  for (const auto* no : {"false", "0", "no", "off"})
    if (word == no) return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  const auto number = text::parse_int64(text::trim(text));
  return number && *number >= 0 ? number : std::nullopt;
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  static constexpr std::array<Unit, 6> kUnits{{{"", 1},
                                               {"B", 1},
                                               {"KiB", 1024},
                                               {"MiB", 1024 * 1024},
                                               {"GiB", 1024 * 1024 * 1024},
                                               {"KB", 1000}}};
  return with_unit(text::trim(text), kUnits);
}

std::optional<Millis> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 6> kUnits{
      {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  const auto millis = with_unit(text::trim(text), kUnits);
  return millis ? std::optional(Millis(*millis)) : std::nullopt;
}

std::optional<ListenAddress> parse_address(std::string_view text) {
  text = text::trim(text);
  ListenAddress address{.host = "127.0.0.1"};
  std::string_view port = text;
  if (text.starts_with('[')) {
    const auto end = text.find("]:");
    if (end == std::string_view::npos) return std::nullopt;
    address.host = text.substr(1, end - 1);
    port = text.substr(end + 2);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    if (text.find(':', colon + 1) != std::string_view::npos)
      return std::nullopt;  // an IPv6 address without brackets
    if (colon > 0)
      address.host = text.substr(0, colon);
    else
      address.host = "0.0.0.0";
    port = text.substr(colon + 1);
  }
  const auto number = parse_count(port);
  if (!number || *number > 65535 || address.host.empty()) return std::nullopt;
  address.port = static_cast<std::uint16_t>(*number);
  return address;
}

std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> items;
  for (const auto part : text::split(text, ','))
    if (const auto item = text::trim(part); !item.empty()) items.emplace_back(item);
  return items;
}

namespace {

// What stands between "://" and the next "/", "?" or "#".
std::optional<std::pair<std::string_view, std::string_view>> scheme_and_authority(
    std::string_view url) {
  const auto mark = url.find("://");
  if (mark == std::string_view::npos || mark == 0) return std::nullopt;
  const auto scheme = url.substr(0, mark);
  if (scheme.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-") !=
      std::string_view::npos)
    return std::nullopt;
  const auto rest = url.substr(mark + 3);
  return std::pair(scheme, rest.substr(0, rest.find_first_of("/?#")));
}

}  // namespace

bool is_url(std::string_view text) {
  return scheme_and_authority(text).has_value() &&
         text.find_first_of(" \t\r\n") == std::string_view::npos;
}

std::string url_host(std::string_view url) {
  const auto parts = scheme_and_authority(url);
  if (!parts) return {};
  auto authority = parts->second;
  if (const auto at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) return std::string(authority.substr(1, authority.find(']') - 1));
  return text::to_lower(authority.substr(0, authority.find(':')));
}

std::string url_origin(std::string_view url) {
  const auto parts = scheme_and_authority(url);
  if (!parts) return {};
  const auto authority = parts->second.substr(parts->second.rfind('@') + 1);
  auto origin = text::to_lower(parts->first) + "://" + text::to_lower(authority);
  // Browsers leave a scheme's own port out.
  if (origin.starts_with("https://") && origin.ends_with(":443")) origin.resize(origin.size() - 4);
  if (origin.starts_with("http://") && origin.ends_with(":80")) origin.resize(origin.size() - 3);
  return origin;
}

}  // namespace indaba::app
