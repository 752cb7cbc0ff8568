#include "job/celery_control.hpp"

#include "base/json_write.hpp"
#include "job/celery_json.hpp"
#include "job/celery_message.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fnmatch.h>

namespace indaba::job::celery {

namespace {

constexpr std::size_t kLongestReplyKey = 255;
constexpr std::size_t kMostDestinations = 10'000;

// "worker-heartbeat" is told on "worker.heartbeat".
std::string routing_key_of(std::string_view type) {
  std::string key(type);
  if (const auto at = key.find('-'); at != std::string::npos) key[at] = '.';
  return key;
}

}  // namespace

bool Command::is_for(std::string_view worker, WallTime now) const {
  if (expires && *expires < now) return false;
  if (!pattern.empty()) return ::fnmatch(pattern.c_str(), std::string(worker).c_str(), 0) == 0;
  return !destination || std::ranges::find(*destination, worker) != destination->end();
}

Result<Command> decode_command(std::string_view raw) {
  INDABA_TRY(const auto envelope, unwrap(raw));
  if (!envelope.body.is_object()) return Error(ErrorKind::malformed, "no command");
  const auto& body = envelope.body.get_object();
  Command command;
  command.method = text_of(body.if_contains("method"));
  if (command.method.empty()) return Error(ErrorKind::malformed, "a command without a method");
  if (const auto* arguments = body.if_contains("arguments");
      arguments != nullptr && arguments->is_object())
    command.arguments = arguments->get_object();
  if (const auto* to = body.if_contains("destination"); to != nullptr && to->is_array()) {
    auto& names = command.destination.emplace();
    for (const auto& name : to->get_array())
      if (names.size() < kMostDestinations) names.emplace_back(text_of(&name));
  }
  if (text_of(body.if_contains("matcher")) != "pcre")
    command.pattern = text_of(body.if_contains("pattern"));
  else if (!text_of(body.if_contains("pattern")).empty())
    command.destination.emplace();  // by a regular expression: not by us
  command.ticket = text_of(body.if_contains("ticket"));
  if (const auto* reply = body.if_contains("reply_to"); reply != nullptr && reply->is_object())
    command.reply_to = text_of(reply->get_object().if_contains("routing_key"));
  if (command.reply_to.size() > kLongestReplyKey || command.pattern.size() > kLongestReplyKey)
    return Error(ErrorKind::malformed, "a name that is too long");
  if (const auto expires = number_of(envelope.headers.if_contains("expires"));
      expires && *expires > 0 && *expires < 1e11)
    command.expires = from_millis(static_cast<std::int64_t>(*expires * 1000));
  return command;
}

std::string pidbox_channel(int db) {
  return fmt::format("/{}.celery.pidbox", db);
}

std::string reply_key(const Command& command) {
  return command.reply_to + ".reply.celery.pidbox";
}

std::string encode_reply(const Command& command, std::string_view worker, std::string_view answer,
                         std::uint64_t clock, Random& random) {
  std::string body = "{";
  json::append_string(body, worker);
  body += fmt::format(":{}}}", answer);
  std::string headers = "{";
  json::append_member(headers, "ticket", command.ticket);
  json::append_member(headers, "clock", clock);
  headers += '}';
  return wrap({.body = std::move(body),
               .headers = std::move(headers),
               .exchange = "reply.celery.pidbox",
               .routing_key = command.reply_to},
              random);
}

std::string event_channel(int db, std::string_view type) {
  return fmt::format("/{}.celeryev/{}", db, routing_key_of(type));
}

std::string encode_event(const Event& event, const Teller& teller, std::uint64_t clock,
                         WallTime now, Random& random) {
  std::string body = "{";
  json::append_member(body, "hostname", teller.hostname);
  json::append_member(body, "utcoffset", 0);
  json::append_member(body, "pid", teller.pid);
  json::append_member(body, "clock", clock);
  body += event.members;
  json::append_member(body, "timestamp", static_cast<double>(to_millis(now)) / 1000.0);
  json::append_member(body, "type", event.type);
  body += '}';
  std::string headers = "{";
  json::append_member(headers, "hostname", teller.hostname);
  headers += '}';
  return wrap({.body = std::move(body),
               .headers = std::move(headers),
               .exchange = "celeryev",
               .routing_key = routing_key_of(event.type),
               .delivery_mode = 1},
              random);
}

}  // namespace indaba::job::celery
