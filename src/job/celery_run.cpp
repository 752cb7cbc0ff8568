#include "job/celery_run.hpp"

#include "base/json_write.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace indaba::job::celery {

Result<boost::json::object> named_arguments(const Message& message, const Definition& definition) {
  const auto& names = definition.parameters;
  if (message.args.size() > names.size())
    return Error(ErrorKind::invalid,
                 fmt::format("{}() takes {} positional arguments but {} were given",
                             definition.name, names.size(), message.args.size()));
  auto all = message.kwargs;
  for (std::size_t i = 0; i < message.args.size(); ++i)
    if (!all.emplace(names[i], message.args[i]).second)
      return Error(ErrorKind::invalid, fmt::format("{}() got multiple values for argument '{}'",
                                                   definition.name, names[i]));
  return all;
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
