#include "bench/report.hpp"

#include "bench/progress.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace indaba::bench {

namespace {

double milliseconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

double ratio(double value, double by) {
  return by > 0 ? value / by : 0;
}

double per_second(std::uint64_t count, double seconds) {
  return ratio(static_cast<double>(count), seconds);
}

boost::json::object latency_json(const Histogram& histogram) {
  return {{"count", histogram.count()},
          {"p50", milliseconds(histogram.at(0.5))},
          {"p99", milliseconds(histogram.at(0.99))},
          {"p999", milliseconds(histogram.at(0.999))},
          {"max", milliseconds(histogram.max())}};
}

boost::json::object connect_json(const Outcome& outcome) {
  return {{"count", outcome.connect.count},
          {"failed", outcome.connect.failed},
          {"lost", outcome.connect.lost},
          {"seconds", outcome.connect.seconds},
          {"per_second", per_second(outcome.connect.count, outcome.connect.seconds)},
          {"p50_ms", milliseconds(outcome.connect_time->at(0.5))},
          {"p99_ms", milliseconds(outcome.connect_time->at(0.99))},
          {"max_ms", milliseconds(outcome.connect_time->max())}};
}

boost::json::object check_json(const CheckFigures& check) {
  return {
      {"missing", check.missing}, {"doubled", check.doubled}, {"out_of_order", check.out_of_order}};
}

boost::json::object server_json(const ServerFigures& server, const Outcome& outcome) {
  const auto& used = server.used;
  const auto deliveries = static_cast<double>(outcome.deliveries);
  boost::json::array threads;
  for (const auto& thread : used.threads)
    threads.push_back(
        {{"pid", thread.pid}, {"name", thread.name}, {"cpu_seconds", thread.cpu_seconds}});
  boost::json::object told{
      {"cpu_seconds", used.cpu_seconds},
      {"user_seconds", used.user_seconds},
      {"system_seconds", used.system_seconds},
      {"threads", std::move(threads)},
      {"rss_bytes_before", server.rss_before},
      {"rss_bytes_after", server.rss_after},
      {"cpu_us_per_delivery", ratio(used.cpu_seconds * 1e6, deliveries)},
      {"user_us_per_delivery", ratio(used.user_seconds * 1e6, deliveries)},
      {"cpu_us_per_event", ratio(used.cpu_seconds * 1e6, static_cast<double>(outcome.events))},
      {"cpu_us_per_connection",
       ratio(server.connect_cpu_seconds * 1e6, static_cast<double>(outcome.connect.count))},
      {"bytes_per_connection", server.bytes_per_connection},
      {"cpu_percent", ratio(used.cpu_seconds * 100, outcome.seconds)}};
  if (server.anonymous_before && server.anonymous_after) {
    told["anonymous_bytes_before"] = *server.anonymous_before;
    told["anonymous_bytes_after"] = *server.anonymous_after;
  }
  return told;
}

// --- text

void line(std::string& out, std::string_view name, const std::string& value) {
  fmt::format_to(std::back_inserter(out), "{:<14} {}\n", name, value);
}

std::string with_commas(double value) {
  auto digits = fmt::format("{:.0f}", value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string percentiles(const Histogram& histogram) {
  return fmt::format("p50 {:.2f} ms, p99 {:.2f} ms, p99.9 {:.2f} ms, max {:.2f} ms",
                     milliseconds(histogram.at(0.5)), milliseconds(histogram.at(0.99)),
                     milliseconds(histogram.at(0.999)), milliseconds(histogram.max()));
}

std::string check_text(const CheckFigures& check) {
  if (check.good()) return "every one, once, in order";
  return fmt::format("{} missing, {} doubled, {} out of order", check.missing, check.doubled,
                     check.out_of_order);
}

void load_text(std::string& out, const Plan& plan, const Outcome& outcome) {
  const auto rate = [&](std::uint64_t count) {
    return fmt::format("{} ({}/s)", with_commas(static_cast<double>(count)),
                       with_commas(per_second(count, outcome.seconds)));
  };
  if (plan.is(Mode::reconnect)) {
    line(out, "back",
         fmt::format("{} of {} had everything after {:.2f} s", outcome.caught_up,
                     plan.readers->count, outcome.seconds));
    line(out, "catching up", percentiles(*outcome.latency));
  } else {
    line(out, plan.is(Mode::fanout) ? "events" : "answered", rate(outcome.events));
    if (plan.is(Mode::fanout)) line(out, "deliveries", rate(outcome.deliveries));
    line(out, "latency", percentiles(*outcome.latency));
    if (plan.is(Mode::fanout) && plan.answer == Answer::text)
      line(out, "answers", percentiles(*outcome.answer));
    if (outcome.late_deliveries * 100 > outcome.deliveries)
      line(out, "late",
           fmt::format("{} deliveries came only after publishing had stopped",
                       with_commas(static_cast<double>(outcome.late_deliveries))));
  }
  line(out, "delivered", check_text(outcome.events_check));
  if (outcome.seq_checked > 0) line(out, "seq", check_text(outcome.seq_check));
}

void server_text(std::string& out, const Plan& plan, const Outcome& outcome) {
  const auto& server = *outcome.server;
  const auto& used = server.used;
  line(out, "server CPU",
       fmt::format("{:.2f} s ({:.2f} user, {:.2f} system), {:.1f} % of a core", used.cpu_seconds,
                   used.user_seconds, used.system_seconds,
                   ratio(used.cpu_seconds * 100, outcome.seconds)));
  const auto each = [&](std::string_view name, std::uint64_t count) {
    if (count == 0) return;
    const auto by = static_cast<double>(count);
    line(out, "",
         fmt::format("{:.2f} µs {} ({:.2f} in user space)", used.cpu_seconds * 1e6 / by, name,
                     used.user_seconds * 1e6 / by));
  };
  if (plan.is(Mode::storm) || plan.is(Mode::reconnect))
    each("a connection", outcome.connect.count);
  else
    each(plan.is(Mode::fanout) ? "a delivery" : "an answer", outcome.deliveries);
  constexpr std::size_t kShown = 6;
  std::string threads;
  for (const auto& thread : std::span(used.threads).first(std::min(kShown, used.threads.size())))
    threads +=
        fmt::format("{}{} {:.2f} s", threads.empty() ? "" : ", ", thread.name, thread.cpu_seconds);
  line(out, "  threads", threads);
  line(out, "server memory",
       fmt::format("{:.1f} MiB before, {:.1f} MiB after, {} bytes a connection",
                   static_cast<double>(server.rss_before) / 1048576,
                   static_cast<double>(server.rss_after) / 1048576,
                   with_commas(server.bytes_per_connection)));
}

}  // namespace

boost::json::object to_json(const Plan& plan, const Outcome& outcome) {
  boost::json::object errors;
  for (const auto& [what, count] : outcome.errors) errors[what] = count;
  boost::json::object told{
      {"mode", name_of(plan.options.mode)},
      {"url", plan.options.url},
      {"connections", plan.options.connections},
      {"processes", plan.options.processes},
      {"seconds", outcome.seconds},
      {"events", outcome.events},
      {"events_per_second", per_second(outcome.events, outcome.seconds)},
      {"deliveries", outcome.deliveries},
      {"deliveries_per_second", per_second(outcome.deliveries, outcome.seconds)},
      {"late_deliveries", outcome.late_deliveries},
      {"missing", outcome.events_check.missing},
      {"doubled", outcome.events_check.doubled},
      {"out_of_order", outcome.events_check.out_of_order},
      {"errors", std::move(errors)},
      {"latency_ms", latency_json(*outcome.latency)},
      {"connect", connect_json(outcome)}};
  if (plan.is(Mode::fanout) && plan.answer == Answer::text)
    told["answer_ms"] = latency_json(*outcome.answer);
  if (outcome.seq_checked > 0) told["seq"] = check_json(outcome.seq_check);
  if (plan.is(Mode::reconnect)) told["caught_up"] = outcome.caught_up;
  if (outcome.server) told["server"] = server_json(*outcome.server, outcome);
  told["client"] = {{"cpu_seconds", outcome.client_cpu_seconds},
                    {"busiest_process_percent", outcome.busiest_process_percent}};
  told["bottleneck"] = outcome.bottleneck;
  told["warnings"] = boost::json::array(outcome.warnings.begin(), outcome.warnings.end());
  return told;
}

std::string to_text(const Plan& plan, const Outcome& outcome) {
  std::string out;
  line(out, std::string(name_of(plan.options.mode)),
       fmt::format("{}, {} connections, {} process{}, {:.2f} s", plan.options.url,
                   with_commas(static_cast<double>(plan.options.connections)),
                   plan.options.processes, plan.options.processes == 1 ? "" : "es",
                   outcome.seconds));
  line(out, "connected",
       fmt::format("{} in {:.2f} s ({}/s), p50 {:.1f} ms, p99 {:.1f} ms; {} failed, {} lost",
                   with_commas(static_cast<double>(outcome.connect.count)), outcome.connect.seconds,
                   with_commas(per_second(outcome.connect.count, outcome.connect.seconds)),
                   milliseconds(outcome.connect_time->at(0.5)),
                   milliseconds(outcome.connect_time->at(0.99)), outcome.connect.failed,
                   outcome.connect.lost));
  if (plan.senders) load_text(out, plan, outcome);
  if (!outcome.errors.empty()) line(out, "errors", describe_errors(outcome.errors));
  if (outcome.server) server_text(out, plan, outcome);
  line(out, "client CPU",
       fmt::format("{:.2f} s, busiest process {:.0f} % of a core", outcome.client_cpu_seconds,
                   outcome.busiest_process_percent));
  line(out, "bottleneck", outcome.bottleneck);
  for (const auto& warning : outcome.warnings) line(out, "warning", warning);
  return out;
}

}  // namespace indaba::bench
