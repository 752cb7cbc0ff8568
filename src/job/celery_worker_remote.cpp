// What a worker tells whoever listens, and what it answers to `celery inspect` and `control`.
#include "job/celery_worker.hpp"

#include "base/json_write.hpp"
#include "job/celery_json.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <sys/resource.h>

namespace indaba::job::celery {

namespace {

constexpr std::size_t kMostRevoked = 50'000;
constexpr std::chrono::hours kRevokedKept{3};
constexpr std::chrono::minutes kRefreshed{1};
constexpr std::size_t kMostShown = 1'000;
constexpr std::size_t kMostIds = 10'000;
constexpr std::chrono::seconds kAnswerKept{60};

void append_separated(std::string& out, std::string_view element) {
  if (!out.ends_with('[') && !out.ends_with('{')) out += ',';
  out += element;
}

std::string quoted(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

// One id, or a list of them.
std::vector<std::string> ids_of(const boost::json::value* value) {
  std::vector<std::string> ids;
  if (value == nullptr) return ids;
  if (value->is_string()) ids.emplace_back(text_of(value));
  if (value->is_array())
    for (const auto& id : value->get_array())
      if (id.is_string() && ids.size() < kMostIds) ids.emplace_back(text_of(&id));
  std::erase_if(ids, [](const std::string& id) { return id.empty() || id.size() > kMaxIdBytes; });
  return ids;
}

std::string optional_time(const std::optional<WallTime>& time) {
  return time ? quoted(to_iso(*time)) : "null";
}

double seconds_of(WallTime t) {
  return static_cast<double>(to_millis(t)) / 1000.0;
}

}  // namespace

void Worker::on_message(std::string_view, std::string_view payload) {
  auto command = decode_command(payload);
  if (!command) return;
  thread_.loop().post([this, command = *std::move(command)] { obey(command); });
}

void Worker::on_up() {
  thread_.loop().post([this] { beat("worker-online"); });
}

void Worker::say(std::string_view type, std::string members) {
  bus_.publish(event_channel(target_.db(), type),
               encode_event({type, std::move(members)}, teller_, ++clock_, parts_.clock.wall(),
                            parts_.random));
}

void Worker::say_received(const Message& message) {
  auto members = event_members(message);
  json::append_member(members, "name", message.task);
  json::append_member(members, "args", message.args_repr);
  json::append_member(members, "kwargs", message.kwargs_repr);
  json::append_member(members, "root_id", message.root_id);
  json::append_member(members, "parent_id", message.parent_id);
  json::append_member(members, "retries", message.retries);
  json::append_member(members, "eta", json::Raw{optional_time(message.eta)});
  json::append_member(members, "expires", json::Raw{optional_time(message.expires)});
  say("task-received", std::move(members));
}

void Worker::beat(std::string_view type) {
  std::array<double, 3> load{};
  if (::getloadavg(load.data(), 3) != 3) load = {};
  std::string members;
  json::append_member(members, "freq", 2.0);
  json::append_member(members, "active", running_.load());
  json::append_member(members, "processed", succeeded_ + failed_);
  json::append_member(members, "loadavg",
                      json::Raw{fmt::format("[{:.2f},{:.2f},{:.2f}]", load[0], load[1], load[2])});
  json::append_member(members, "sw_ident", "indaba");
  json::append_member(members, "sw_ver", INDABA_VERSION);
  json::append_member(members, "sw_sys", "Linux");
  say(type, std::move(members));
}

void Worker::obey(const Command& command) {
  if (!command.is_for(teller_.hostname, parts_.clock.wall())) return;
  const auto& method = command.method;
  if (method == "ping") return answer(command, R"({"ok":"pong"})");
  if (method == "active") return answer(command, listed(true));
  if (method == "reserved") return answer(command, listed(false));
  if (method == "scheduled") return answer_scheduled(command);
  if (method == "registered") return answer(command, registered());
  if (method == "revoked") return answer(command, revoked_ids());
  if (method == "active_queues") return answer(command, active_queues());
  if (method == "stats") return answer(command, figures());
  if (method == "query_task") return answer(command, found_tasks(command));
  if (method == "hello")
    return answer(command, fmt::format(R"({{"revoked":{{}},"clock":{}}})", ++clock_));
  if (method == "clock") return answer(command, fmt::format(R"({{"clock":{}}})", ++clock_));
  if (method == "revoke" || method == "terminate") return answer(command, revoke_asked(command));
  if (method == "enable_events") return answer(command, R"({"ok":"task events already enabled"})");
  if (method == "heartbeat") return beat("worker-heartbeat");
  answer(command,
         fmt::format(R"({{"error":{}}})",
                     quoted(fmt::format("Indaba does not know the command '{}'", method))));
}

void Worker::answer(const Command& command, std::string_view json) {
  if (command.reply_to.empty()) return;
  broker_.push(reply_key(command),
               encode_reply(command, teller_.hostname, json, ++clock_, parts_.random), kAnswerKept);
}

void Worker::answer_scheduled(const Command& command) {
  broker_.delayed([this, command](const std::vector<std::string>& raws) {
    std::string out = "[";
    for (const auto& raw : raws) {
      const auto read = decode(raw);
      const auto* message = std::get_if<Message>(&read);
      if (message == nullptr) continue;
      std::string one = "{";
      json::append_member(one, "eta", json::Raw{optional_time(message->eta)});
      json::append_member(one, "priority", message->priority);
      json::append_member(one, "request",
                          json::Raw{describe(*message, teller_.hostname, message->queue, 0)});
      append_separated(out, one + '}');
    }
    answer(command, out + ']');
  });
}

std::string Worker::revoke_asked(const Command& command) {
  const auto ids = ids_of(command.arguments.if_contains("task_id"));
  const bool terminate =
      command.method == "terminate" || is_true(command.arguments.if_contains("terminate"));
  for (const auto& id : ids) remember_revoked(id);
  if (!ids.empty()) {
    broker_.remember_revoked(ids);
    // What is due tomorrow ends now, and not when nobody remembers any more.
    broker_.take_delayed(ids, [this](Broker::Batch batch) { admit_all(std::move(batch)); });
  }
  std::vector<RunPtr> meant;
  for (const auto& [tag, run] : runs_)
    if (std::ranges::find(ids, run->message.id) != ids.end()) meant.push_back(run);
  for (const auto& run : meant) {
    if (run->stage == Run::Stage::ready || run->stage == Run::Stage::looking) {
      revoke(run, false, false);
    } else if (run->stage == Run::Stage::running && terminate) {
      run->asked_to_stop = true;
      revoke(run, false, true);
    }
  }
  dispatch();
  std::string told;
  for (const auto& id : ids) {
    if (told.size() > 400) break;
    told += (told.empty() ? "" : ", ") + id;
  }
  const auto* pattern =
      terminate ? "terminate: tasks {} flagged as revoked" : "tasks {} flagged as revoked";
  return fmt::format(R"({{"ok":{}}})", quoted(fmt::format(fmt::runtime(pattern), told)));
}

void Worker::remember_revoked(const std::string& id) {
  const auto now = thread_.loop().now();
  const auto [known, is_new] = revoked_.try_emplace(id, now);
  if (!is_new && now - known->second < kRefreshed) return;
  known->second = now;
  revoked_order_.emplace_back(now, id);
  forget_old_revoked();
}

void Worker::forget_old_revoked() {
  const auto before = thread_.loop().now() - kRevokedKept;
  while (!revoked_order_.empty() &&
         (revoked_order_.size() > kMostRevoked || revoked_order_.front().first < before)) {
    const auto& [since, id] = revoked_order_.front();
    if (const auto known = revoked_.find(id); known != revoked_.end() && known->second == since)
      revoked_.erase(known);
    revoked_order_.pop_front();
  }
}

std::string Worker::listed(bool running) const {
  std::string out = "[";
  for (const auto& [tag, run] : runs_) {
    const bool active = run->stage == Run::Stage::running || run->stage == Run::Stage::recording;
    const bool waits = run->stage == Run::Stage::ready || run->stage == Run::Stage::looking;
    if (running ? active : waits)
      append_separated(out, describe(run->message, teller_.hostname, run->taken.queue,
                                     running ? seconds_of(run->began_at) : 0));
  }
  return out + ']';
}

std::string Worker::registered() const {
  std::string out = "[";
  for (const auto& name : parts_.registry.celery_names()) append_separated(out, quoted(name));
  return out + ']';
}

std::string Worker::revoked_ids() const {
  std::string out = "[";
  std::size_t count = 0;
  for (auto id = revoked_order_.rbegin(); id != revoked_order_.rend() && count < kMostShown; ++id) {
    if (const auto known = revoked_.find(id->second);
        known == revoked_.end() || known->second != id->first)
      continue;  // it was revoked again later
    append_separated(out, quoted(id->second));
    ++count;
  }
  return out + ']';
}

std::string Worker::active_queues() const {
  std::string out = "[";
  for (const auto& queue : options_.broker.queues) {
    std::string one = "{";
    json::append_member(one, "name", queue);
    json::append_member(one, "exchange",
                        json::Raw{fmt::format(R"({{"name":{},"type":"direct"}})", quoted(queue))});
    json::append_member(one, "routing_key", queue);
    json::append_member(one, "durable", true);
    json::append_member(one, "no_ack", false);
    append_separated(out, one + '}');
  }
  return out + ']';
}

std::string Worker::figures() {
  std::string totals = "{";
  for (const auto& [task, count] : totals_) json::append_member(totals, task, count);
  totals += '}';
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto concurrency = options_.concurrency;
  std::string out = "{";
  json::append_member(out, "total", json::Raw{std::move(totals)});
  json::append_member(out, "pid", teller_.pid);
  json::append_member(out, "clock", std::to_string(++clock_));
  json::append_member(out, "uptime", (thread_.loop().now() - started_at_).count() / 1000);
  json::append_member(out, "pool",
                      json::Raw{fmt::format(
                          R"({{"implementation":"indaba","max-concurrency":{},"processes":[{}]}})",
                          concurrency, teller_.pid)});
  json::append_member(
      out, "broker",
      json::Raw{fmt::format(R"({{"transport":"redis","hostname":{}}})", quoted(target_.shown()))});
  json::append_member(out, "prefetch_count",
                      concurrency * std::max<std::size_t>(1, options_.prefetch));
  json::append_member(
      out, "rusage",
      json::Raw{fmt::format(R"({{"utime":{}.{:06},"stime":{}.{:06},"maxrss":{}}})",
                            usage.ru_utime.tv_sec, usage.ru_utime.tv_usec, usage.ru_stime.tv_sec,
                            usage.ru_stime.tv_usec, usage.ru_maxrss)});
  return out + '}';
}

std::string Worker::found_tasks(const Command& command) const {
  auto ids = ids_of(command.arguments.if_contains("ids"));
  std::string out = "{";
  for (const auto& [tag, run] : runs_) {
    if (std::ranges::find(ids, run->message.id) == ids.end()) continue;
    std::erase(ids, run->message.id);
    const bool active = run->stage == Run::Stage::running || run->stage == Run::Stage::recording;
    append_separated(out, quoted(run->message.id));
    out += fmt::format(":[\"{}\",{}]", active ? "active" : "reserved",
                       describe(run->message, teller_.hostname, run->taken.queue,
                                active ? seconds_of(run->began_at) : 0));
  }
  return out + '}';
}

}  // namespace indaba::job::celery
