// Called<T>: parks a coroutine until a function that was given a callback calls it, on any thread.
// It resumes on the executor that it came from.
#pragma once

#include "base/check.hpp"
#include "base/executor.hpp"

#include <coroutine>
#include <functional>
#include <optional>

namespace indaba::job::celery {

template <class T>
class Called {
 public:
  using Start = std::move_only_function<void(std::function<void(T)>)>;
  explicit Called(Start start) : start_(std::move(start)) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    auto* executor = Executor::current();
    check(executor != nullptr, "it is awaited on an executor");
    auto start = std::move(start_);  // this may be gone before it returns
    start([this, executor, awaiting](T value) {
      value_.emplace(std::move(value));
      executor->post([awaiting] { awaiting.resume(); });
    });
  }
  [[nodiscard]] T await_resume() { return *std::move(value_); }

 private:
  Start start_;
  std::optional<T> value_;
};

}  // namespace indaba::job::celery
