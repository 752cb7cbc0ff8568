// Passwords: argon2id (libsodium), hashed on a few threads of their own behind a gate.
//
// A hash takes tens of milliseconds and 19 MiB by intent, so it must neither run on a loop nor at
// once for everyone who asks: a storm of sign-ins would be a storm of memory. `threads` hashes run
// at a time, `queue` wait, and the rest is told `unavailable`. A user who does not exist costs the
// same hash as one who does (kNobody), so that time does not tell who is registered.
//
// Awaited on an executor, resumed there. Safe to call from any executor. The destructor answers
// what still waits with `unavailable`, so the executors must outlive the hasher.
#pragma once

#include "base/executor.hpp"
#include "base/result.hpp"
#include "base/task.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace indaba::auth {

struct PasswordCost {
  unsigned long long passes = 2;
  std::size_t memory_bytes = 19456UL * 1024;  // OWASP's floor for argon2id with t=2, p=1
};

inline constexpr std::size_t kMinPasswordChars = 8;
inline constexpr std::size_t kMaxPasswordBytes = 1024;

// 422 for `field` unless it is between the bounds above, valid text, and not the name itself.
[[nodiscard]] Result<void> check_new_password(std::string_view password, std::string_view username,
                                              std::string field);

// On the calling thread; for the command line and tests. "$argon2id$v=19$m=19456,t=2,p=1$…"
[[nodiscard]] Result<std::string> blocking_hash_password(std::string_view password,
                                                         PasswordCost cost = {});
[[nodiscard]] bool blocking_verify_password(std::string_view hash, std::string_view password);
// Was `hash` made with lower cost than `cost`?
[[nodiscard]] bool needs_rehash(std::string_view hash, PasswordCost cost);

class PasswordHasher {
 public:
  struct Limits {
    std::size_t threads = 2;
    std::size_t queue = 32;
  };
  struct Verdict {
    bool right = false;
    std::string
        better_hash;  // where the password was right and the cost has risen since: to be stored
  };

  PasswordHasher() : PasswordHasher(Limits{}, PasswordCost{}) {}
  PasswordHasher(Limits limits, PasswordCost cost);
  ~PasswordHasher();
  PasswordHasher(const PasswordHasher&) = delete;
  PasswordHasher& operator=(const PasswordHasher&) = delete;

  [[nodiscard]] Task<Result<std::string>> hash(std::string password);
  // An empty `hash` is nobody's: the answer is no, after the same time.
  [[nodiscard]] Task<Result<Verdict>> verify(std::string hash, std::string password);

 private:
  struct Job {
    std::move_only_function<void(bool run)>
        work;  // with false: answer `unavailable` without running
  };
  template <class T>
  class Hashing;

  [[nodiscard]] bool enqueue(Job job);
  void work_until_stopped();

  const Limits limits_;
  const PasswordCost cost_;
  const std::string nobodys_hash_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  std::size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace indaba::auth
