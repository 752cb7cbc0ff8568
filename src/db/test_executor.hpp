// For tests: an executor with a thread of its own, and run_on() to await a coroutine from a test.
#pragma once

#include "base/task.hpp"

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace indaba::db {

class TestExecutor final : public Executor {
 public:
  TestExecutor() : thread_([this] { run(); }) {}
  ~TestExecutor() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void post(Work work) override {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    wake_.notify_one();
  }
  void run_after(Millis delay, Work work) override {
    const std::lock_guard lock(mutex_);
    timers_.emplace(now() + delay, std::move(work));
    wake_.notify_one();
  }
  [[nodiscard]] MonoTime now() const override { return clock_.mono(); }

 private:
  void run() {
    set_current(this);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      std::vector<Work> due;
      due.swap(queue_);
      while (!timers_.empty() && timers_.begin()->first <= now())
        due.push_back(std::move(timers_.extract(timers_.begin()).mapped()));
      if (due.empty()) {
        wake_.wait_for(lock, Millis(timers_.empty() ? 1000 : 1));
        continue;
      }
      lock.unlock();
      for (auto& work : due) work();
      lock.lock();
    }
    set_current(nullptr);
  }

  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Work> queue_;
  std::multimap<MonoTime, Work> timers_;
  bool stopping_ = false;
  std::thread thread_;
};

namespace detail {
template <class T>
Task<void> keep_result(Task<T> task, std::promise<T>* done) {
  done->set_value(co_await std::move(task));
}
}  // namespace detail

// Runs the task on the executor and waits for what it returns.
template <class T>
T run_on(Executor& executor, Task<T> task) {
  std::promise<T> done;
  auto future = done.get_future();
  executor.post([&] { spawn(detail::keep_result(std::move(task), &done)); });
  return future.get();
}

}  // namespace indaba::db
