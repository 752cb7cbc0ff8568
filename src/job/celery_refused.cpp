#include "job/celery_refused.hpp"

#include "base/json.hpp"
#include "job/celery_json.hpp"

#include <algorithm>

namespace indaba::job::celery {

namespace {

constexpr json::Limits kDeepest{64};
constexpr std::string_view kSpace = " \t\r\n";

std::string_view without_space(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text;
}

// The object that the text begins with; empty where it does not, or is cut off.
std::string_view first_object(std::string_view text) {
  if (!text.starts_with('{')) return {};
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '{') ++depth;
    if (c == '}' && --depth == 0) return text.substr(0, i + 1);
  }
  return {};
}

}  // namespace

std::optional<Poison> refused_by(std::string_view excerpt, std::string_view reason) {
  constexpr std::string_view kName = "\"headers\"";
  if (!excerpt.starts_with(kName)) return std::nullopt;
  auto rest = without_space(excerpt.substr(kName.size()));
  if (!rest.starts_with(':')) return std::nullopt;
  rest.remove_prefix(1);
  const auto parsed = json::parse(first_object(without_space(rest)), kDeepest);
  if (!parsed) return std::nullopt;
  const auto& headers = parsed->get_object();
  Poison poison{.reason = std::string(reason),
                .id = std::string(text_of(headers.if_contains("id"))),
                .task = std::string(text_of(headers.if_contains("task"))),
                .ignore_result = is_true(headers.if_contains("ignore_result"))};
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  if (poison.id.empty() || poison.id.size() > kMaxIdBytes ||
      std::ranges::any_of(poison.id, is_control))
    return std::nullopt;
  return poison;
}

}  // namespace indaba::job::celery
