#include "job/celery_run.hpp"

#include "base/json_write.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace indaba::job::celery {

namespace {

std::string_view were(std::size_t count) {
  return count == 1 ? "was" : "were";
}

std::string_view plural(std::size_t count) {
  return count == 1 ? "" : "s";
}

// 'a', 'b', and 'c'
std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0 && names.size() > 2) out += ',';
    if (i > 0) out += ' ';
    if (i > 0 && i + 1 == names.size()) out += "and ";
    out += fmt::format("'{}'", names[i]);
  }
  return out;
}

Error type_error(const Definition& definition, const std::string& what) {
  return Error(ErrorKind::invalid, fmt::format("{}() {}", definition.name, what));
}

Result<void> check_count(const Message& message, const Definition& definition) {
  const auto most = definition.parameters.size();
  const auto given = message.args.size();
  if (given <= most) return {};
  const auto range = definition.required == most
                         ? fmt::format("{}", most)
                         : fmt::format("from {} to {}", definition.required, most);
  return type_error(definition, fmt::format("takes {} positional argument{} but {} {} given", range,
                                            plural(most), given, were(given)));
}

Result<void> check_names(const boost::json::object& all, const Definition& definition) {
  const auto& names = definition.parameters;
  if (names.empty()) return {};
  for (const auto& member : all)
    if (std::ranges::find(names, std::string_view(member.key())) == names.end())
      return type_error(definition, fmt::format("got an unexpected keyword argument '{}'",
                                                std::string_view(member.key()).substr(0, 100)));
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < definition.required; ++i)
    if (!all.contains(names[i])) missing.push_back(names[i]);
  if (missing.empty()) return {};
  return type_error(definition,
                    fmt::format("missing {} required positional argument{}: {}", missing.size(),
                                plural(missing.size()), listed(missing)));
}

}  // namespace

std::string done_key(const Run& run) {
  return fmt::format("{}\x1f{}", run.message.id, run.definition->name);
}

Result<boost::json::object> named_arguments(const Message& message, const Definition& definition) {
  INDABA_TRY_VOID(check_count(message, definition));
  auto all = message.kwargs;
  for (std::size_t i = 0; i < message.args.size(); ++i)
    if (!all.emplace(definition.parameters[i], message.args[i]).second)
      return type_error(definition, fmt::format("got multiple values for argument '{}'",
                                                definition.parameters[i]));
  INDABA_TRY_VOID(check_names(all, definition));
  return all;
}

std::string event_members(const Message& message) {
  std::string members;
  json::append_member(members, "uuid", message.id);
  return members;
}

std::string describe(const Message& message, std::string_view worker, std::string_view queue,
                     double began_at) {
  std::string out = "{";
  json::append_member(out, "id", message.id);
  json::append_member(out, "name", message.task);
  json::append_member(out, "args", boost::json::value(message.args));
  json::append_member(out, "kwargs", boost::json::value(message.kwargs));
  json::append_member(out, "type", message.task);
  json::append_member(out, "hostname", worker);
  if (began_at > 0)
    json::append_member(out, "time_start", began_at);
  else
    json::append_member(out, "time_start", nullptr);
  json::append_member(out, "acknowledged", false);
  std::string info = "{";
  json::append_member(info, "exchange", "");
  json::append_member(info, "routing_key", queue);
  json::append_member(info, "priority", message.priority);
  json::append_member(info, "redelivered", message.redelivered);
  info += '}';
  json::append_member(out, "delivery_info", json::Raw{std::move(info)});
  json::append_member(out, "worker_pid", ::getpid());
  out += '}';
  return out;
}

}  // namespace indaba::job::celery
