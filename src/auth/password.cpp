#include "auth/password.hpp"

#include "base/check.hpp"
#include "base/text.hpp"

#include <sodium.h>

namespace indaba::auth {

namespace {

constexpr std::string_view kBusy = "Too many people are signing in at once. Try again in a moment.";

Error busy() {
  Error error(ErrorKind::unavailable, std::string(kBusy));
  error.retry_after = std::chrono::seconds(2);
  return error;
}

}  // namespace

Result<void> check_new_password(std::string_view password, std::string_view username,
                                std::string field) {
  if (password.size() > kMaxPasswordBytes)
    return Error::invalid_field(std::move(field), "A password has at most 1024 bytes.", "too_long");
  if (text::count_code_points(password) < kMinPasswordChars)
    return Error::invalid_field(std::move(field), "A password has at least 8 characters.",
                                "too_short");
  if (password == username)
    return Error::invalid_field(std::move(field), "A password must not be the user name.",
                                "invalid_field");
  return {};
}

Result<std::string> blocking_hash_password(std::string_view password, PasswordCost cost) {
  std::array<char, crypto_pwhash_STRBYTES> out{};
  if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), cost.passes,
                            cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0)
    return Error::internal("argon2id could not get its memory");
  return std::string(out.data());
}

bool blocking_verify_password(std::string_view hash, std::string_view password) {
  // libsodium reads up to its own maximum; a longer string is no hash of ours.
  if (hash.size() >= crypto_pwhash_STRBYTES || password.size() > kMaxPasswordBytes) return false;
  return crypto_pwhash_str_verify(std::string(hash).c_str(), password.data(), password.size()) == 0;
}

bool needs_rehash(std::string_view hash, PasswordCost cost) {
  return crypto_pwhash_str_needs_rehash(std::string(hash).c_str(), cost.passes,
                                        cost.memory_bytes) != 0;
}

// Parks the coroutine, runs `function` on a hashing thread, and resumes on the executor that it
// came from.
template <class T>
class PasswordHasher::Hashing {
 public:
  using Function = std::move_only_function<Result<T>()>;
  Hashing(PasswordHasher& hasher, Function function)
      : hasher_(hasher), function_(std::move(function)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting) {
    Executor* executor = Executor::current();
    check(executor != nullptr, "a password is hashed for an executor");
    // Once the job is in the queue this awaitable may be gone at any moment: nothing below touches
    // it.
    const bool queued = hasher_.enqueue(Job{[this, executor, awaiting](bool run) {
      if (run) outcome_ = function_();
      executor->post([awaiting] { awaiting.resume(); });
    }});
    return queued;  // false: resumes at once, with `busy`
  }
  [[nodiscard]] Result<T> await_resume() {
    return outcome_ ? *std::move(outcome_) : Result<T>(busy());
  }

 private:
  PasswordHasher& hasher_;
  Function function_;
  std::optional<Result<T>> outcome_;
};

PasswordHasher::PasswordHasher(Limits limits, PasswordCost cost)
    : limits_(limits),
      cost_(cost),
      nobodys_hash_(blocking_hash_password("the password of nobody", cost).value()) {
  for (std::size_t i = 0; i < limits_.threads; ++i)
    threads_.emplace_back([this] { work_until_stopped(); });
}

PasswordHasher::~PasswordHasher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  for (auto& job : waiting_) job.work(false);
}

bool PasswordHasher::enqueue(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() + running_ >= limits_.queue + limits_.threads) return false;
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void PasswordHasher::work_until_stopped() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    lock.unlock();
    job.work(true);
    lock.lock();
    --running_;
  }
}

Task<Result<std::string>> PasswordHasher::hash(std::string password) {
  Hashing<std::string>::Function function = [password = std::move(password), cost = cost_] {
    return blocking_hash_password(password, cost);
  };
  Hashing<std::string> hashing(*this, std::move(function));
  co_return co_await hashing;
}

Task<Result<PasswordHasher::Verdict>> PasswordHasher::verify(std::string hash,
                                                             std::string password) {
  const bool somebody = !hash.empty();
  Hashing<Verdict>::Function function = [somebody, stored = somebody ? hash : nobodys_hash_,
                                         password = std::move(password),
                                         cost = cost_]() -> Result<Verdict> {
    Verdict verdict;
    verdict.right = blocking_verify_password(stored, password) && somebody;
    if (verdict.right && needs_rehash(stored, cost)) {
      INDABA_TRY(verdict.better_hash, blocking_hash_password(password, cost));
    }
    return verdict;
  };
  Hashing<Verdict> hashing(*this, std::move(function));
  co_return co_await hashing;
}

}  // namespace indaba::auth
