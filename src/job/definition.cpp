#include "job/definition.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace indaba::job {

namespace {

constexpr std::string_view kStopped = "job_stopped";

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
  check(find(definition.name) == nullptr, "a task is declared once");
  for (const auto& alias : definition.aliases)
    check(find(alias) == nullptr, "an alias of a task is declared once");
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

}  // namespace indaba::job
