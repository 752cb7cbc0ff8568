// ThreadPool: a few threads for work that blocks. What waits is bounded by whoever posts: a worker
// has so many runs at a time. A thread that hangs in a library holds up the end of the program.
//
// post() on any thread, the others on the owner's.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace indaba::job {

class ThreadPool {
 public:
  explicit ThreadPool(int threads) : ThreadPool(threads, threads * 4) {}
  ThreadPool(int threads, int most);  // it grows up to `most`
  ~ThreadPool();                      // waits for what runs; what has not begun is dropped
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void post(std::move_only_function<void()> work);
  // One more, because one hangs; false: there are too many already, and from now on it is
  // exhausted() until one comes back.
  bool grow();
  [[nodiscard]] bool exhausted() const;
  [[nodiscard]] int busy() const;

 private:
  void start_one();
  void run();

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> waiting_;  // under mutex_
  bool stopping_ = false;                                // under mutex_
  int busy_ = 0;                                         // under mutex_
  std::vector<std::thread> threads_;
};

}  // namespace indaba::job
