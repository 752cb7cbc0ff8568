#include "base/executor.hpp"

namespace indaba {
namespace {
thread_local Executor* executor_of_this_thread = nullptr;
}  // namespace

Executor* Executor::current() noexcept {
  return executor_of_this_thread;
}

void Executor::set_current(Executor* executor) noexcept {
  executor_of_this_thread = executor;
}

}  // namespace indaba
