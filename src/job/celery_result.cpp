#include "job/celery_result.hpp"

#include "base/json.hpp"
#include "base/json_write.hpp"
#include "base/text.hpp"
#include "job/celery_json.hpp"
#include "job/celery_message.hpp"

#include <array>
#include <cctype>
#include <fmt/format.h>

namespace indaba::job::celery {

namespace {

constexpr std::size_t kLongestSentence = 2000;
constexpr std::array<std::pair<State, std::string_view>, 7> kStates{{{State::pending, "PENDING"},
                                                                     {State::started, "STARTED"},
                                                                     {State::progress, "PROGRESS"},
                                                                     {State::retry, "RETRY"},
                                                                     {State::success, "SUCCESS"},
                                                                     {State::failure, "FAILURE"},
                                                                     {State::revoked, "REVOKED"}}};

std::string quoted_sentence(std::string_view sentence) {
  std::string out;
  json::append_string(out, text::first_code_points(sentence, kLongestSentence));
  return out;
}

// "not_found" becomes "NotFound".
std::string class_name(std::string_view slug) {
  std::string name;
  bool upper = true;
  for (const char c : slug) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      upper = true;
      continue;
    }
    name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return name;
}

void append_unless_empty(std::string& out, std::string_view name, const std::string& text) {
  if (!text.empty()) json::append_member(out, name, text);
}

// Celery writes a list of arguments; older ones wrote a text.
std::string first_argument(const boost::json::value* message) {
  if (message == nullptr || message->is_null()) return {};
  if (!message->is_array()) return json::to_text(*message);
  const auto& arguments = message->get_array();
  return arguments.empty() ? std::string() : json::to_text(arguments.front());
}

}  // namespace

Exception builtin(std::string type, std::string_view sentence) {
  return {std::move(type), quoted_sentence(sentence), "builtins"};
}

Exception of_celery(std::string type, std::string_view sentence) {
  return {std::move(type), quoted_sentence(sentence), "celery.exceptions"};
}

Exception exception_of(const Error& error) {
  std::string sentence = error.detail;
  if (sentence.empty()) sentence = "The task failed.";
  for (const auto& field : error.fields)
    sentence += fmt::format(" {}: {}", field.field, field.message);
  return {class_name(error.code_or_slug()), quoted_sentence(sentence)};
}

std::string repr_of(const Exception& exception) {
  if (exception.message.empty()) return exception.type + "()";
  const auto argument = json::parse(exception.message);
  return fmt::format("{}({})", exception.type, argument ? to_python(*argument) : exception.message);
}

std::string_view to_string(State state) noexcept {
  for (const auto& [known, name] : kStates)
    if (known == state) return name;
  return "PENDING";
}

std::string result_key(std::string_view id) {
  return fmt::format("celery-task-meta-{}", id);
}

std::string encode(const Outcome& outcome, const Message& message, WallTime now) {
  std::string out = "{";
  json::append_member(out, "status", to_string(outcome.state));
  json::append_name(out, "result");
  if (outcome.exception) {
    out += '{';
    json::append_member(out, "exc_type", outcome.exception->type);
    json::append_member(out, "exc_message",
                        json::Raw{fmt::format("[{}]", outcome.exception->message)});
    json::append_member(out, "exc_module", outcome.exception->module);
    out += '}';
  } else {
    out += outcome.result.empty() ? "null" : outcome.result;
  }
  if (outcome.exception && outcome.state != State::revoked) {
    const auto& traceback = outcome.exception->traceback;
    json::append_member(
        out, "traceback",
        traceback.empty() ? fmt::format("Traceback (in Indaba):\n{}\n", repr_of(*outcome.exception))
                          : traceback);
  } else {
    json::append_member(out, "traceback", nullptr);
  }
  json::append_member(out, "children", json::Raw{"[]"});
  if (outcome.ended())
    json::append_member(out, "date_done", to_naive_iso(now));
  else
    json::append_member(out, "date_done", nullptr);
  append_unless_empty(out, "parent_id", message.parent_id);
  append_unless_empty(out, "group_id", message.group);
  json::append_member(out, "task_id", message.id);
  out += '}';
  return out;
}

Result<Outcome> decode_result(std::string_view text) {
  constexpr std::size_t kMost = std::size_t{16} << 20U;
  if (text.size() > kMost) return Error(ErrorKind::too_large, "The result is too large.");
  INDABA_TRY(const auto value, json::parse(text, {128}));
  if (!value.is_object()) return Error(ErrorKind::malformed, "The result is no object.");
  const auto& members = value.get_object();
  const auto status = text_of(members.if_contains("status"));
  if (status.empty()) return Error(ErrorKind::malformed, "The result has no status.");
  Outcome outcome{State::started, "null", std::nullopt};
  for (const auto& [state, name] : kStates)
    if (status == name) outcome.state = state;
  const auto* result = members.if_contains("result");
  if (outcome.state == State::success || outcome.state == State::progress) {
    if (result != nullptr) outcome.result = json::to_text(*result);
    return outcome;
  }
  if (outcome.state != State::failure && outcome.state != State::retry &&
      outcome.state != State::revoked)
    return outcome;
  Exception exception{.type = "Exception", .module = "builtins"};
  if (result != nullptr && result->is_object()) {
    const auto& told = result->get_object();
    if (const auto type = text_of(told.if_contains("exc_type")); !type.empty())
      exception.type = type;
    exception.module = text_of(told.if_contains("exc_module"));
    exception.message = first_argument(told.if_contains("exc_message"));
  }
  exception.traceback = text_of(members.if_contains("traceback"));
  outcome.exception = std::move(exception);
  return outcome;
}

}  // namespace indaba::job::celery
