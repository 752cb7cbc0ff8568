// What anyone may put on a queue of Celery's: a message, a result, a command. Reading never breaks;
// what can be run can be marked, tried again and written, and reads back as the same.
#include "base/check.hpp"
#include "base/json_write.hpp"
#include "base/text.hpp"
#include "job/celery_control.hpp"
#include "job/celery_message.hpp"
#include "job/celery_result.hpp"

namespace {

using namespace indaba;
using namespace indaba::job::celery;

const Message* message_of(const std::variant<Message, Poison>& read) {
  return std::get_if<Message>(&read);
}

void check_message(std::string_view raw) {
  const auto read = decode(raw);
  const auto* message = message_of(read);
  if (message == nullptr) {
    check(!std::get<Poison>(read).reason.empty(), "what cannot be run says why");
    return;
  }
  SeededRandom random(7);
  const auto again = for_retry(raw, 3, from_millis(1'795'000'000'000), random);
  check(again.has_value(), "what can be read can be tried again");
  if (again->size() <= kMaxMessageBytes) {
    const auto retried = decode(*again);
    check(message_of(retried) != nullptr && message_of(retried)->id == message->id &&
              message_of(retried)->retries == 3,
          "a retry is the same task");
  }
  check(as_redelivered(raw).has_value(), "and can be marked");
  const auto written = encode(*message, random);
  if (written.size() > kMaxMessageBytes) return;
  const auto back = decode(written);
  check(message_of(back) != nullptr &&
            json::to_text(message_of(back)->args) == json::to_text(message->args),
        "what was written reads back");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  check_message(raw);
  if (const auto outcome = decode_result(raw); outcome && outcome->exception) {
    const auto shown = encode(*outcome, Message{}, from_millis(0));
    check(decode_result(shown).has_value(), "a result reads back");
    check(text::is_utf8(repr_of(*outcome->exception)), "what people read is text");
  }
  if (const auto command = decode_command(raw)) {
    SeededRandom random(7);
    const auto reply = encode_reply(*command, "w@h", "{}", 1, random);
    check(unwrap(reply).has_value(), "an answer is an envelope");
    static_cast<void>(command->is_for("w@h", from_millis(0)));
  }
  return 0;
}
