#include "job/celery_message.hpp"

#include "base/json.hpp"
#include "base/json_write.hpp"
#include "base/text.hpp"
#include "job/celery_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <unistd.h>

namespace indaba::job::celery {

namespace {

constexpr json::Limits kDepth{64};
constexpr std::int64_t kMostRetries = 1'000'000;
constexpr double kLongestLimit = 10.0 * 365 * 86'400;
constexpr std::array<std::string_view, 4> kFollowing{"callbacks", "errbacks", "chain", "chord"};

struct Refused {
  std::string reason;
};

// Whatever Python counts as nothing.
bool is_empty(const boost::json::value* value) {
  if (value == nullptr || value->is_null()) return true;
  if (value->is_array()) return value->get_array().empty();
  if (value->is_object()) return value->get_object().empty();
  return false;
}

std::optional<WallTime> time_of(const boost::json::value* value, std::string_view name,
                                Refused& refused) {
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (const auto number = number_of(value); number && std::abs(*number) < 1e11)
    return from_millis(static_cast<std::int64_t>(*number * 1000));
  auto text = std::string(text_of(value));
  auto time = parse_rfc3339(text);
  if (!time) time = parse_rfc3339(text + "Z");  // without an offset it is UTC
  if (!time) refused.reason = fmt::format("{} is no time", name);
  return time;
}

std::optional<Millis> limit_of(const boost::json::value* limits, std::size_t index) {
  if (limits == nullptr || !limits->is_array() || limits->get_array().size() <= index)
    return std::nullopt;
  const auto seconds = number_of(&limits->get_array()[index]);
  if (!seconds || !(*seconds > 0) || *seconds > kLongestLimit) return std::nullopt;
  return Millis(static_cast<std::int64_t>(*seconds * 1000));
}

int small_int(const boost::json::value* value, std::int64_t least, std::int64_t most,
              std::int64_t otherwise) {
  const auto number = int_of(value).value_or(otherwise);
  return static_cast<int>(std::clamp(number, least, most));
}

// [args, kwargs, embed]
void read_body(const boost::json::value& body, Message& message, Refused& refused) {
  if (!body.is_array() || body.get_array().size() < 2) {
    refused.reason = body.is_object() ? "the body is of Celery's first protocol"
                                      : "the body is no list of arguments";
    return;
  }
  const auto& parts = body.get_array();
  if (!parts[0].is_array()) refused.reason = "the arguments are no list";
  if (!parts[1].is_object()) refused.reason = "the keyword arguments are no object";
  if (!refused.reason.empty()) return;
  message.args = parts[0].get_array();
  message.kwargs = parts[1].get_object();
  if (parts.size() < 3 || !parts[2].is_object()) return;
  for (const auto name : kFollowing)
    if (!is_empty(parts[2].get_object().if_contains(name))) message.follows = name;
}

void read_headers(const boost::json::object& headers, Message& message, Refused& refused) {
  message.retries = small_int(headers.if_contains("retries"), 0, kMostRetries, 0);
  message.root_id = text_of(headers.if_contains("root_id"));
  message.parent_id = text_of(headers.if_contains("parent_id"));
  message.group = text_of(headers.if_contains("group"));
  message.args_repr = text_of(headers.if_contains("argsrepr"));
  message.kwargs_repr = text_of(headers.if_contains("kwargsrepr"));
  message.origin = text_of(headers.if_contains("origin"));
  message.hard = limit_of(headers.if_contains("timelimit"), 0);
  message.soft = limit_of(headers.if_contains("timelimit"), 1);
  message.redelivered = is_true(headers.if_contains("redelivered"));
  message.restored = small_int(headers.if_contains(kRestoredHeader), 0, kMostRetries, 0);
  message.eta = time_of(headers.if_contains("eta"), "eta", refused);
  message.expires = time_of(headers.if_contains("expires"), "expires", refused);
}

// Of members that json::append_member() wrote to an empty string, each with a comma before it.
std::string object_text(std::string_view members) {
  return fmt::format("{{{}}}", members.substr(std::min<std::size_t>(1, members.size())));
}

void append_or_null(std::string& out, std::string_view name, const std::string& text) {
  if (text.empty())
    json::append_member(out, name, nullptr);
  else
    json::append_member(out, name, text);
}

void append_limit(std::string& out, std::optional<Millis> limit) {
  if (!limit)
    json::append(out, nullptr);
  else if (limit->count() % 1000 == 0)
    json::append(out, limit->count() / 1000);
  else
    json::append(out, static_cast<double>(limit->count()) / 1000.0);
}

std::string headers_of(const Message& m) {
  std::string out;
  json::append_member(out, "lang", "cpp");
  json::append_member(out, "task", m.task);
  json::append_member(out, "id", m.id);
  json::append_member(out, "shadow", nullptr);
  append_or_null(out, "eta", m.eta ? to_iso(*m.eta) : std::string());
  append_or_null(out, "expires", m.expires ? to_iso(*m.expires) : std::string());
  append_or_null(out, "group", m.group);
  json::append_member(out, "group_index", nullptr);
  json::append_member(out, "retries", m.retries);
  json::append_name(out, "timelimit");
  out += '[';
  append_limit(out, m.hard);
  out += ',';
  append_limit(out, m.soft);
  out += ']';
  json::append_member(out, "root_id", m.root_id.empty() ? m.id : m.root_id);
  append_or_null(out, "parent_id", m.parent_id);
  json::append_member(out, "argsrepr", m.args_repr);
  json::append_member(out, "kwargsrepr", m.kwargs_repr);
  json::append_member(out, "origin", m.origin);
  json::append_member(out, "ignore_result", m.ignore_result);
  return object_text(out);
}

std::string properties_of(const Message& m) {
  std::string out;
  json::append_member(out, "correlation_id", m.id);
  json::append_member(out, "reply_to", "");
  json::append_member(out, "delivery_mode", 2);
  std::string info;
  json::append_member(info, "exchange", "");
  json::append_member(info, "routing_key", m.queue);
  json::append_member(out, "delivery_info", json::Raw{object_text(info)});
  json::append_member(out, "priority", m.priority);
  json::append_member(out, "body_encoding", "base64");
  json::append_member(out, "delivery_tag", m.delivery_tag);
  return object_text(out);
}

std::string enveloped(std::string_view body, std::string headers, std::string properties) {
  std::string out;
  json::append_member(out, "body", text::to_base64(body));
  json::append_member(out, "content-encoding", "utf-8");
  json::append_member(out, "content-type", "application/json");
  json::append_member(out, "headers", json::Raw{std::move(headers)});
  json::append_member(out, "properties", json::Raw{std::move(properties)});
  return object_text(out);
}

Result<boost::json::object> parse_object(std::string_view raw) {
  if (raw.size() > kMaxMessageBytes) return Error(ErrorKind::too_large, "the message is too large");
  INDABA_TRY(auto value, json::parse(raw, kDepth));
  if (!value.is_object()) return Error(ErrorKind::malformed, "the message is no object");
  return std::move(value).as_object();
}

Result<boost::json::value> body_of(const boost::json::object& envelope,
                                   const boost::json::object& properties) {
  const auto malformed = [](std::string why) {
    return Error(ErrorKind::malformed, std::move(why));
  };
  const auto* headers = envelope.if_contains("headers");
  if (headers != nullptr && headers->is_object())
    if (const auto by = text_of(headers->get_object().if_contains("compression")); !by.empty())
      return malformed(
          fmt::format("the body is compressed ({}): send it as it is", by.substr(0, 40)));
  const auto* content = envelope.if_contains("content-type");
  if (content == nullptr || text_of(content) != "application/json")
    return malformed("the content type is not application/json");
  const auto* body = envelope.if_contains("body");
  if (body == nullptr || !body->is_string()) return malformed("there is no body");
  std::string text(text_of(body));
  if (text_of(properties.if_contains("body_encoding")) == "base64") {
    auto bytes = text::from_base64(text);
    if (!bytes) return malformed("the body is not base64");
    text = *std::move(bytes);
  }
  auto parsed = json::parse(text, kDepth);
  if (!parsed) return malformed("the body is not JSON: " + parsed.error().detail);
  return parsed;
}

const boost::json::object& object_in(const boost::json::object& parent, std::string_view name) {
  static const boost::json::object none;
  const auto* member = parent.if_contains(name);
  return member != nullptr && member->is_object() ? member->get_object() : none;
}

// The member as an object, whatever it was.
boost::json::object& make_object(boost::json::object& parent, std::string_view name) {
  auto& member = parent[name];
  if (!member.is_object()) member.emplace_object();
  return member.get_object();
}

}  // namespace

std::variant<Message, Poison> decode(std::string_view raw) {
  Poison poison;
  const auto refuse = [&](std::string reason) {
    poison.reason = std::move(reason);
    return poison;
  };
  const auto parsed = parse_object(raw);
  if (!parsed) return refuse("not a message: " + parsed.error().detail);
  const auto& headers = object_in(*parsed, "headers");
  const auto& properties = object_in(*parsed, "properties");

  Message message;
  message.id = text_of(headers.if_contains("id"));
  message.task = text_of(headers.if_contains("task"));
  message.ignore_result = is_true(headers.if_contains("ignore_result"));
  if (message.id.size() > kMaxIdBytes) message.id.clear();
  poison.id = message.id;
  poison.task = message.task;
  poison.ignore_result = message.ignore_result;
  if (message.id.empty()) return refuse("headers.id is missing, or no text of a fitting size");
  if (std::ranges::any_of(message.id, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return refuse("headers.id has control characters");
  if (message.task.empty()) return refuse("headers.task is missing");

  const auto body = body_of(*parsed, properties);
  if (!body) return refuse(body.error().detail);
  Refused refused;
  read_body(*body, message, refused);
  read_headers(headers, message, refused);
  if (!refused.reason.empty()) return refuse(refused.reason);
  message.priority = small_int(properties.if_contains("priority"), 0, 9, 0);
  message.queue = text_of(object_in(properties, "delivery_info").if_contains("routing_key"));
  message.delivery_tag = text_of(properties.if_contains("delivery_tag"));
  return message;
}

std::string encode(Message message, Random& random) {
  if (message.delivery_tag.empty()) message.delivery_tag = new_uuid(random);
  if (message.origin.empty()) message.origin = fmt::format("indaba{}", ::getpid());
  if (message.args_repr.empty()) message.args_repr = to_python_tuple(message.args);
  if (message.kwargs_repr.empty()) message.kwargs_repr = to_python(message.kwargs);
  message.priority = std::clamp(message.priority, 0, 9);
  constexpr std::string_view kNothingFollows =
      R"({"callbacks":null,"errbacks":null,"chain":null,"chord":null})";
  const auto body = fmt::format("[{},{},{}]", json::to_text(message.args),
                                json::to_text(message.kwargs), kNothingFollows);
  return enveloped(body, headers_of(message), properties_of(message));
}

Result<std::string> for_retry(std::string_view raw, int retries, WallTime eta, Random& random) {
  INDABA_TRY(auto envelope, parse_object(raw));
  auto& headers = make_object(envelope, "headers");
  headers["retries"] = retries;
  headers["eta"] = to_iso(eta);
  headers["lang"] = "cpp";
  if (text_of(headers.if_contains("root_id")).empty()) headers["root_id"] = headers["id"];
  headers["parent_id"] = headers["root_id"];
  headers.erase("redelivered");
  headers.erase(kRestoredHeader);
  auto& properties = make_object(envelope, "properties");
  properties["delivery_tag"] = new_uuid(random);
  make_object(properties, "delivery_info").erase("redelivered");
  return json::to_text(envelope);
}

Result<std::string> as_redelivered(std::string_view raw) {
  INDABA_TRY(auto envelope, parse_object(raw));
  auto& headers = make_object(envelope, "headers");
  headers["redelivered"] = true;
  headers[kRestoredHeader] =
      small_int(headers.if_contains(kRestoredHeader), 0, kMostRetries, 0) + 1;
  make_object(make_object(envelope, "properties"), "delivery_info")["redelivered"] = true;
  return json::to_text(envelope);
}

int step_of(int priority) noexcept {
  return priority >= 9 ? 9 : priority >= 6 ? 6 : priority >= 3 ? 3 : 0;
}

std::string key_of(std::string_view queue, int priority) {
  const int step = step_of(priority);
  return step == 0 ? std::string(queue) : fmt::format("{}{}{}", queue, kSeparator, step);
}

std::string wrap(const Envelope& envelope, Random& random) {
  std::string info;
  json::append_member(info, "exchange", envelope.exchange);
  json::append_member(info, "routing_key", envelope.routing_key);
  std::string properties;
  json::append_member(properties, "delivery_mode", envelope.delivery_mode);
  json::append_member(properties, "delivery_info", json::Raw{object_text(info)});
  json::append_member(properties, "priority", 0);
  json::append_member(properties, "body_encoding", "base64");
  json::append_member(properties, "delivery_tag", new_uuid(random));
  return enveloped(envelope.body, envelope.headers, object_text(properties));
}

Result<Unwrapped> unwrap(std::string_view raw) {
  INDABA_TRY(auto envelope, parse_object(raw));
  Unwrapped out;
  out.headers = object_in(envelope, "headers");
  out.properties = object_in(envelope, "properties");
  INDABA_TRY(out.body, body_of(envelope, out.properties));
  return out;
}

}  // namespace indaba::job::celery
