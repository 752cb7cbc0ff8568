#include "app/settings.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <vector>

namespace indaba::app {

std::string_view to_string(SettingType type) noexcept {
  switch (type) {
    case SettingType::text:
      return "text";
    case SettingType::address:
      return "address";
    case SettingType::url:
      return "URL";
    case SettingType::list:
      return "list";
    case SettingType::choice:
      return "choice";
    case SettingType::boolean:
      return "boolean";
    case SettingType::integer:
      return "number";
    case SettingType::bytes:
      return "size";
    case SettingType::duration:
      return "duration";
  }
  return "text";
}

const Setting* find_setting(std::string_view key) noexcept {
  const auto found = std::ranges::find(settings(), key, &Setting::key);
  return found == settings().end() ? nullptr : &*found;
}

std::string environment_name(const Setting& setting) {
  std::string name = "INDABA_";
  for (const char c : setting.key)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

namespace {

// Levenshtein's distance, one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, diagonal + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view wrong, std::span<const std::string> known) {
  std::size_t best = std::max<std::size_t>(2, wrong.size() / 4) + 1;
  std::optional<std::string> found;
  for (const auto& name : known) {
    const auto far = distance(wrong, name);
    if (far < best) {
      best = far;
      found = name;
    }
  }
  if (!found) {  // "listen" for "server.listen"
    for (const auto& name : known)
      if (wrong.size() >= 4 && name.ends_with(wrong)) return name;
  }
  return found;
}

}  // namespace indaba::app
