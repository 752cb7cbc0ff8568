#include "base/task.hpp"

#include "base/check.hpp"

#include <string>

namespace indaba {
namespace {

[[noreturn]] void end_for_escaped_exception() {
  try {
    throw;
  } catch (const std::exception& e) {
    broken_invariant(std::string("an exception left a spawned task: ") + e.what());
  } catch (...) {
    broken_invariant("an exception of unknown type left a spawned task");
  }
}

// A coroutine that nobody holds: it starts at once and frees its own frame at the end.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const { end_for_escaped_exception(); }
  };
};

Detached run_detached(Task<void> task) {
  co_await std::move(task);
}

}  // namespace

void spawn(Task<void> task) {
  run_detached(std::move(task));
}

void sleep_for::await_suspend(std::coroutine_handle<> h) const {
  Executor* executor = Executor::current();
  check(executor != nullptr, "a task can sleep only on a thread that has an executor");
  executor->run_after(delay, [h] { h.resume(); });
}

}  // namespace indaba
