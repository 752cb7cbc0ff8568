// celery.send: the way out of a change in the database to a team's own workers. A feature enqueues
// it where it changes something; it is sent when that stands, once.
#include "app/celery_wiring.hpp"

#include "base/executor.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace indaba::app {

namespace {

using job::celery::Client;
using job::celery::Sending;

using boost::json::object;

constexpr std::array<std::string_view, 11> kArguments{
    "task",    "args",     "kwargs",     "queue",           "countdown",    "eta",
    "expires", "priority", "time_limit", "soft_time_limit", "ignore_result"};
constexpr double kLongest = 10.0 * 365 * 86'400;  // seconds
constexpr Millis kPostConnects{3'000};
constexpr Millis kLook{20};
// A broker that is away is waited for, for most of a day.
constexpr job::Limits kPatient{.retries = 100};

Error wrong(std::string_view name, std::string_view what) {
  return Error::invalid_field(std::string(name), fmt::format("{} {}", name, what));
}

const boost::json::value* member(const object& arguments, std::string_view name) {
  const auto* value = arguments.if_contains(name);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

Result<std::string> text(const object& arguments, std::string_view name, std::string otherwise) {
  const auto* value = member(arguments, name);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) return wrong(name, "must be a text.");
  return std::string(value->get_string());
}

Result<std::optional<Millis>> seconds(const object& arguments, std::string_view name) {
  const auto* value = member(arguments, name);
  if (value == nullptr) return std::optional<Millis>();
  boost::system::error_code unfit;
  const auto number = value->is_number() ? value->to_number<double>(unfit) : -1.0;
  if (unfit || !(number >= 0) || number > kLongest)
    return wrong(name, "must be a number of seconds.");
  return std::optional(Millis(static_cast<std::int64_t>(number * 1000)));
}

// Seconds from now, or a time.
Result<std::optional<WallTime>> moment(const object& arguments, std::string_view name,
                                       WallTime now) {
  const auto* value = member(arguments, name);
  if (value != nullptr && value->is_string()) {
    const auto time = parse_rfc3339(std::string(value->get_string()));
    if (time) return std::optional(*time);
    return wrong(name, "must be a time, or a number of seconds.");
  }
  INDABA_TRY(const auto from_now, seconds(arguments, name));
  return from_now ? std::optional(now + *from_now) : std::nullopt;
}

Result<void> read_body(const object& arguments, Sending& sending) {
  if (const auto* args = member(arguments, "args")) {
    if (!args->is_array()) return wrong("args", "must be a list.");
    sending.args = args->get_array();
  }
  if (const auto* kwargs = member(arguments, "kwargs")) {
    if (!kwargs->is_object()) return wrong("kwargs", "must be an object.");
    sending.kwargs = kwargs->get_object();
  }
  return {};
}

Result<void> read_flags(const object& arguments, Sending& sending) {
  if (const auto* priority = member(arguments, "priority")) {
    if (!priority->is_int64() || priority->get_int64() < 0 || priority->get_int64() > 9)
      return wrong("priority", "must be 0 (the most urgent) to 9.");
    sending.priority = static_cast<int>(priority->get_int64());
  }
  if (const auto* ignore = member(arguments, "ignore_result")) {
    if (!ignore->is_bool()) return wrong("ignore_result", "must be true or false.");
    sending.ignore_result = ignore->get_bool();
  }
  return {};
}

Result<Sending> sending_of(const job::Running& run, WallTime now) {
  const auto& arguments = run.arguments();
  for (const auto& one : arguments)
    if (std::ranges::find(kArguments, std::string_view(one.key())) == kArguments.end())
      return wrong(std::string_view(one.key()).substr(0, 100),
                   fmt::format("is none of {}.", fmt::join(kArguments, ", ")));
  Sending sending;
  sending.id = run.uuid();
  sending.once = true;
  INDABA_TRY(sending.task, text(arguments, "task", ""));
  INDABA_TRY(sending.queue, text(arguments, "queue", "celery"));
  INDABA_TRY(sending.eta, moment(arguments, "eta", now));
  INDABA_TRY(sending.expires, moment(arguments, "expires", now));
  INDABA_TRY(const auto countdown, seconds(arguments, "countdown"));
  if (countdown) sending.eta = now + *countdown;
  INDABA_TRY(sending.hard, seconds(arguments, "time_limit"));
  INDABA_TRY(sending.soft, seconds(arguments, "soft_time_limit"));
  INDABA_TRY_VOID(read_body(arguments, sending));
  INDABA_TRY_VOID(read_flags(arguments, sending));
  return sending;
}

struct Post {
  const Clock& clock;
  std::function<Result<Client*>()> client;
};

Task<Result<job::Done>> send(std::shared_ptr<const Post> post, std::shared_ptr<job::Running> run) {
  INDABA_CO_TRY(auto* client, post->client());
  INDABA_CO_TRY(auto sending, sending_of(*run, post->clock.wall()));
  // Just after a start the connection is on its way.
  for (const auto until = post->clock.mono() + kPostConnects;
       !client->came_up() && post->clock.mono() < until && !run->stopping();)
    co_await sleep_for{kLook};
  auto sent = client->send(std::move(sending));
  INDABA_CO_TRY(const auto id, co_await sent);
  co_return job::Done{.result = fmt::format("\"{}\"", id)};
}

}  // namespace

void add_celery_send(job::Registry& registry, const Clock& clock,
                     std::function<Result<Client*>()> client) {
  const auto post = std::make_shared<const Post>(clock, std::move(client));
  registry.add({.name = "celery.send",
                .body = job::Waits([post](std::shared_ptr<job::Running> run) {
                  return send(post, std::move(run));
                }),
                .limits = kPatient});
}

}  // namespace indaba::app
