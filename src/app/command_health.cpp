// indaba health: what a running server says of itself, for a terminal and for monitoring.
#include "app/cli.hpp"
#include "app/config_sections.hpp"
#include "base/json.hpp"
#include "base/json_write.hpp"

#include <CLI/CLI.hpp>
#include <curl/curl.h>
#include <fmt/format.h>
#include <iostream>
#include <memory>

namespace indaba::app {

namespace {

struct Fetched {
  long status = 0;
  std::string body;
};

std::size_t keep(const char* bytes, std::size_t one, std::size_t count, void* body) {
  constexpr std::size_t kMost = 4 * 1024 * 1024;
  auto& text = *static_cast<std::string*>(body);
  if (text.size() + count > kMost) return 0;
  text.append(bytes, one * count);
  return one * count;
}

Result<Fetched> fetch(const std::string& url) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  if (!curl) return Error::internal("libcurl does not start");
  Fetched fetched;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, 5000L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &keep);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &fetched.body);
  const auto code = curl_easy_perform(curl.get());
  if (code != CURLE_OK)
    return Error(ErrorKind::unavailable,
                 fmt::format("{} does not answer: {}", url, curl_easy_strerror(code)));
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &fetched.status);
  return fetched;
}

// The value of a metric without labels in Prometheus' text, "-" where there is none.
std::string metric(const std::string& text, std::string_view name) {
  const auto at = text.find(fmt::format("\n{} ", name));
  if (at == std::string::npos) return "-";
  const auto start = at + name.size() + 2;
  return text.substr(start, text.find('\n', start) - start);
}

int print_health(const CommandLine& line, const std::string& base) {
  const auto ready = fetch(base + "/readyz");
  if (!ready) return line.fail(ready.error());
  const auto status = fetch(base + "/status");
  if (!status) return line.fail(status.error());
  const auto parsed = json::parse(status->body);
  if (!parsed || !parsed->is_object())
    return line.fail(fmt::format("{} is no Indaba server", base));
  *line.out << fmt::format("{:<16} {}\n", "ready", ready->status == 200 ? "yes" : "no");
  for (const auto& [name, value] : parsed->as_object()) {
    const auto shown = value.is_string() ? std::string(value.as_string()) : json::to_text(value);
    *line.out << fmt::format("{:<16} {}\n", std::string_view(name), shown);
  }
  if (const auto metrics = fetch(base + "/metrics"); metrics && metrics->status == 200) {
    for (const auto& [shown, name] : {std::pair("online_users", "indaba_presence_users"),
                                      std::pair("outbox_bytes", "indaba_outbox_bytes"),
                                      std::pair("bus_lag_events", "indaba_bus_lag_events")})
      *line.out << fmt::format("{:<16} {}\n", shown, metric(metrics->body, name));
  }
  if (ready->status == 200) return kDone;
  return line.fail(fmt::format("not ready: {}", ready->body));
}

}  // namespace

void add_health(CLI::App& app, CommandLine& line) {
  auto* command = add_command(app, "health",
                              "Ask a running server how it is; exit code 1 where it is not ready",
                              "indaba health --url https://community.example.com");
  const auto url = std::make_shared<std::string>();
  command->add_option("--url", *url, "Where it listens [server.listen of the configuration]");
  command->callback([&line, url] {
    line.run = [&line, url] {
      const auto config = line.config();
      if (!config) return kWrongUsage;
      auto server = server_config(*config);
      server.public_url = *url;
      return print_health(line, server.url_for(server.port));
    };
  });
}

}  // namespace indaba::app
