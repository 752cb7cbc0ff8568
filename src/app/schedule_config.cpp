#include "app/schedule_config.hpp"

#include "app/config_values.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

namespace indaba::app {

namespace {

constexpr std::string_view kKey = "jobs.schedule";

std::optional<boost::json::value> to_json(const toml::node& node);

boost::json::object to_object(const toml::table& table, bool& understood) {
  boost::json::object object;
  for (const auto& [name, node] : table) {
    auto value = to_json(node);
    understood = understood && value.has_value();
    if (value) object.emplace(name.str(), *std::move(value));
  }
  return object;
}

// nullopt: it has something in it that JSON has no word for, such as a date.
std::optional<boost::json::value> to_json(const toml::node& node) {
  if (const auto* text = node.as_string()) return boost::json::string(text->get());
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* number = node.as_floating_point())
    return std::isfinite(number->get()) ? std::optional<boost::json::value>(number->get())
                                        : std::nullopt;
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* list = node.as_array()) {
    boost::json::array array;
    for (const auto& item : *list) {
      auto value = to_json(item);
      if (!value) return std::nullopt;
      array.push_back(*std::move(value));
    }
    return array;
  }
  if (const auto* table = node.as_table()) {
    bool understood = true;
    auto object = to_object(*table, understood);
    if (understood) return object;
  }
  return std::nullopt;
}

// An entry while it is read.
class Reading {
 public:
  Reading(std::string name, const std::string& file, std::vector<FieldError>& problems)
      : file_(file), problems_(problems) {
    entry_.name = std::move(name);
  }

  void read(const toml::table& table) {
    for (const auto& [key, node] : table) set(std::string(key.str()), node);
  }
  ScheduleSetting take() { return std::move(entry_); }

 private:
  void set(const std::string& key, const toml::node& node) {
    if (key == "arguments") return set_arguments(node);
    auto* text = entry_.text(key);
    if (text == nullptr)
      return wrong(key, node,
                   "is no part of an entry: use task, every, crontab, zone, arguments, "
                   "queue, priority, expires");
    if (const auto* written = node.as_string())
      *text = written->get();
    else if (const auto* number = node.as_integer())
      *text = std::to_string(number->get());
    else
      wrong(key, node, "must be text or a number");
  }

  void set_arguments(const toml::node& node) {
    const auto value = to_json(node);
    if (!value || !value->is_object())
      return wrong("arguments", node, "must be a table of texts, numbers, lists, true and false");
    entry_.arguments = value->get_object();
  }

  void wrong(const std::string& key, const toml::node& node, std::string_view why) {
    problems_.push_back({fmt::format("{}.{}.{}", kKey, entry_.name, key), "invalid_field",
                         fmt::format("{} line {}: {}.{}.{} {}", file_, node.source().begin.line,
                                     kKey, entry_.name, key, why)});
  }

  const std::string& file_;
  std::vector<FieldError>& problems_;
  ScheduleSetting entry_;
};

Result<job::Timing> timing_of(const ScheduleSetting& setting) {
  const auto wrong = [](std::string_view why) {
    return Error(ErrorKind::invalid, std::string(why));
  };
  if (setting.every.empty() == setting.crontab.empty())
    return wrong("needs either every or crontab");
  if (setting.crontab.empty()) {
    if (!setting.zone.empty()) return wrong("has a zone, which is for a crontab");
    const auto interval = parse_duration(setting.every);
    if (!interval || *interval < job::kShortestInterval)
      return wrong("must have a duration of 1s or more as its every, such as 300s or 24h");
    return job::Every{*interval};
  }
  INDABA_TRY(auto crontab, job::Crontab::parse(setting.crontab));
  INDABA_TRY(auto zone, job::TimeZone::find(setting.zone.empty() ? "UTC" : setting.zone));
  return job::At{std::move(crontab), std::move(zone)};
}

Result<job::Entry> entry_of(const ScheduleSetting& setting) {
  constexpr std::int64_t kLeastUrgent = 9;
  const auto wrong = [](std::string_view why) {
    return Error(ErrorKind::invalid, std::string(why));
  };
  if (!text::is_slug(setting.name)) return wrong("must have a name of a-z, 0-9, \"-\" and \"_\"");
  if (setting.task.empty()) return wrong("needs a task");
  job::Entry entry;
  entry.name = setting.name;
  INDABA_TRY(entry.timing, timing_of(setting));
  entry.wanted.task = setting.task;
  entry.wanted.arguments = setting.arguments;
  if (!setting.queue.empty()) entry.wanted.queue = setting.queue;
  if (!setting.priority.empty()) {
    const auto priority = parse_count(setting.priority);
    if (!priority || *priority > kLeastUrgent) return wrong("must have a priority from 0 to 9");
    entry.wanted.priority = static_cast<int>(*priority);
  }
  if (!setting.expires.empty()) {
    const auto expires = parse_duration(setting.expires);
    if (!expires) return wrong("must have a duration as its expires, such as 10m");
    entry.wanted.expires = *expires;
  }
  return entry;
}

}  // namespace

std::string* ScheduleSetting::text(std::string_view key) {
  const std::array<std::pair<std::string_view, std::string*>, 7> texts{{{"task", &task},
                                                                        {"every", &every},
                                                                        {"crontab", &crontab},
                                                                        {"zone", &zone},
                                                                        {"queue", &queue},
                                                                        {"priority", &priority},
                                                                        {"expires", &expires}}};
  const auto* found = std::ranges::find(texts, key, [](const auto& one) { return one.first; });
  return found == texts.end() ? nullptr : found->second;
}

void read_schedule(const toml::table& table, const std::string& file,
                   std::vector<ScheduleSetting>& entries, std::vector<FieldError>& problems) {
  for (const auto& [name, node] : table) {
    const auto* inner = node.as_table();
    if (inner == nullptr) {
      const auto key = fmt::format("{}.{}", kKey, name.str());
      problems.push_back({key, "invalid_field",
                          fmt::format("{} line {}: {} must be a table: [{}.NAME] with task, and "
                                      "every or crontab",
                                      file, node.source().begin.line, key, kKey)});
      continue;
    }
    Reading reading(std::string(name.str()), file, problems);
    reading.read(*inner);
    entries.push_back(reading.take());
  }
}

Result<std::vector<job::Entry>> schedule_config(const Config& config) {
  std::vector<job::Entry> entries;
  Error error(ErrorKind::invalid, "The entries under jobs.schedule are wrong.");
  for (const auto& setting : config.schedule()) {
    auto entry = entry_of(setting);
    if (entry) {
      entries.push_back(*std::move(entry));
      continue;
    }
    const auto key = fmt::format("{}.{}", kKey, setting.name);
    const Error why = entry.error();
    const bool sentence = !why.fields.empty();  // of a crontab, a zone
    error.fields.push_back(
        {key, "invalid_field", fmt::format("{}{} {}", key, sentence ? ":" : "", why.detail)});
  }
  if (!error.fields.empty()) return error;
  return entries;
}

}  // namespace indaba::app
