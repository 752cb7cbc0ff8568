// Run: one message in a worker's hands, from its taking to its end, and what its body sees of it.
//
// Shared by the worker and the body. Everything is the worker's loop's but what Running says.
#pragma once

#include "cluster/alarm.hpp"
#include "job/celery_broker.hpp"
#include "job/celery_message.hpp"
#include "job/celery_result.hpp"
#include "job/definition.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace indaba::job::celery {

class Run final : public Running {
 public:
  // Where it stands. `recording`: nothing can stop it any more; `over`: the body may still run,
  // what it does is not recorded.
  enum class Stage : unsigned char { ready, looking, running, recording, over };
  using Tell = std::function<void(double fraction, std::string note)>;

  Run(Message m, Taken t, std::string marker_then)
      : message(std::move(m)), taken(std::move(t)), marker(std::move(marker_then)) {}

  // Running; any thread
  [[nodiscard]] const std::string& uuid() const override { return message.id; }
  [[nodiscard]] const boost::json::object& arguments() const override { return named; }
  [[nodiscard]] int attempt() const override { return message.retries + 1; }
  [[nodiscard]] OrgId org() const override { return {}; }
  [[nodiscard]] UserId user() const override { return {}; }
  [[nodiscard]] bool stopping() const override {
    return asked_to_stop.load(std::memory_order_relaxed);
  }
  void progress(double fraction, std::string_view note) override {
    constexpr std::int64_t kSecond = 1000;
    const auto now =
        std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    auto last = told_at_.load(std::memory_order_relaxed);
    if (now - last < kSecond || !told_at_.compare_exchange_strong(last, now)) return;
    if (tell) tell(fraction, std::string(note));
  }

  // Set before the body begins, and not changed then:
  const Message message;
  const Taken taken;
  const std::string marker;
  const Definition* definition = nullptr;
  boost::json::object named;  // all arguments by their names
  Tell tell;
  std::atomic<bool> asked_to_stop{false};

  // The loop's:
  Stage stage = Stage::ready;
  std::uint64_t number = 0;  // in the order of taking
  bool holds_slot = false;
  bool on_thread = false;  // its body has a thread, until it returns
  bool abandoned = false;  // its body was given up, and has not returned
  bool settling = false;   // its body has ended; the end is on its way to the database or to Redis
  bool soft_limit_over = false;
  MonoTime began{};
  WallTime began_at{};
  Outcome outcome;
  Ending ending;
  std::string members;  // of the event that tells of its end
  cluster::Alarm soft{[this] {
    if (on_soft) on_soft();
  }};
  cluster::Alarm hard{[this] {
    if (on_hard) on_hard();
  }};
  std::function<void()> on_soft;
  std::function<void()> on_hard;

 private:
  std::atomic<std::int64_t> told_at_{0};
};
using RunPtr = std::shared_ptr<Run>;

// What its end is recorded by: another task that was given the same id is another one.
[[nodiscard]] std::string done_key(const Run& run);
// All arguments by their names. The error is a TypeError's sentence.
[[nodiscard]] Result<boost::json::object> named_arguments(const Message& message,
                                                          const Definition& definition);
// What every event about a task begins with.
[[nodiscard]] std::string event_members(const Message& message);
// As `celery inspect active` shows it: a JSON object.
[[nodiscard]] std::string describe(const Message& message, std::string_view worker,
                                   std::string_view queue, double began_at);

}  // namespace indaba::job::celery
