#include "job/thread_pool.hpp"

#include "db/database_thread.hpp"

#include <fmt/format.h>

namespace indaba::job {

ThreadPool::ThreadPool(int threads, int most) : most_(static_cast<std::size_t>(most)) {
  for (int i = 0; i < threads; ++i) start_one();
}

bool ThreadPool::grow() {
  if (threads_.size() >= most_) return false;
  start_one();
  return true;
}

bool ThreadPool::exhausted() const {
  const std::lock_guard lock(mutex_);
  return threads_.size() >= most_ &&
         busy_ + static_cast<int>(waiting_.size()) >= static_cast<int>(most_);
}

int ThreadPool::busy() const {
  const std::lock_guard lock(mutex_);
  return busy_;
}

void ThreadPool::start_one() {
  const auto name = fmt::format("job-{}", threads_.size());
  threads_.push_back(db::start_database_thread(name, [this] { run(); }));
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadPool::post(std::move_only_function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  waiting_.push_back(std::move(work));
  wake_.notify_one();
}

void ThreadPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    ++busy_;
    lock.unlock();
    work();
    work = nullptr;  // what it holds goes before it counts as done
    lock.lock();
    --busy_;
  }
}

}  // namespace indaba::job
