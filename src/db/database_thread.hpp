// Threads of the database: named, and with every signal blocked, so that signals go to the thread
// that waits for them.
#pragma once

#include <csignal>
#include <pthread.h>
#include <string>
#include <thread>
#include <utility>

namespace indaba::db {

template <class F>
[[nodiscard]] std::thread start_database_thread(const std::string& name, F run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(run));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return thread;
}

}  // namespace indaba::db
