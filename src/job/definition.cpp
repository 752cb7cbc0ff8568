#include "job/definition.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace indaba::job {

namespace {

constexpr std::string_view kStopped = "job_stopped";

// A limit that stands alone moves the usual other one out of its way.
void fill_in(Limits& limits, const UsualLimits& usual) {
  if (limits.soft == Limits::kUsual)
    limits.soft = limits.hard == Limits::kUsual ? usual.soft : std::min(usual.soft, limits.hard);
  if (limits.hard == Limits::kUsual) limits.hard = std::max(usual.hard, limits.soft);
  if (limits.retries == Limits::kUsualRetries) limits.retries = usual.retries;
}

}  // namespace

Error stopped() {
  return {ErrorKind::unavailable, std::string(kStopped), "The work was asked to stop."};
}

bool is_stopped(const Error& error) {
  return error.code == kStopped;
}

bool worth_another_try(const Error& error) {
  return error.kind == ErrorKind::internal || error.kind == ErrorKind::unavailable ||
         error.kind == ErrorKind::rate_limited;
}

void Registry::add(Definition definition) {
  check(definition.required <= definition.parameters.size(),
        "what a task requires is among its parameters");
  check(find(definition.name) == nullptr, "a task is declared once");
  for (const auto& alias : definition.aliases)
    check(find(alias) == nullptr, "an alias of a task is declared once");
  fill_in(definition.limits, usual_);
  definitions_.push_back(std::make_unique<Definition>(std::move(definition)));
}

const Definition* Registry::find(std::string_view name) const {
  for (const auto& definition : definitions_)
    if (definition->name == name ||
        std::ranges::find(definition->aliases, name) != definition->aliases.end())
      return definition.get();
  return nullptr;
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> found;
  for (const auto& definition : definitions_) found.push_back(definition->name);
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> Registry::celery_names() const {
  std::vector<std::string> found;
  for (const auto& definition : definitions_) {
    if (!definition->celery) continue;
    found.push_back(definition->name);
    found.insert(found.end(), definition->aliases.begin(), definition->aliases.end());
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace indaba::job
