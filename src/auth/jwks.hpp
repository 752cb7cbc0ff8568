// JSON Web Key Sets (RFC 7517): reading one, and fetching one from its issuer.
//
// JwksSource fetches on a thread of its own with libcurl: https, or http on the loopback address
// alone; no redirects, at most 256 KiB in at most 5 s. The address is the operator's, not a
// stranger's, but what it answers is. The last good set is kept while the issuer cannot be reached.
// A token with an unknown `kid` causes at most one fetch a minute, so that a stranger who invents
// kids cannot make us hammer the issuer.
#pragma once

#include "auth/jwt_key.hpp"
#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/task.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace indaba::auth {

// The keys of a set that we can use: RSA, EC P-256 and Ed25519 for signatures, of the `allowed`
// algorithms (empty: all). Secrets
// ("oct") from an address are refused: whoever can read the address could sign. Keys that we do not
// understand are skipped.
[[nodiscard]] Result<JwtKeySet> parse_jwks(std::string_view document,
                                           const std::vector<JwtAlgorithm>& allowed);

// May this address be fetched from?
[[nodiscard]] Result<void> check_jwks_url(std::string_view url);

// One GET, on the calling thread. The seam that tests replace.
using JwksFetch = std::function<Result<std::string>(const std::string& url)>;
[[nodiscard]] Result<std::string> blocking_fetch_jwks(const std::string& url);

class JwksSource {
 public:
  static constexpr Millis kMinInterval = std::chrono::minutes(1);
  static constexpr Millis kMaxAge = std::chrono::minutes(10);

  JwksSource(std::string url, std::vector<JwtAlgorithm> allowed, const Clock& clock,
             JwksFetch fetch = blocking_fetch_jwks);
  ~JwksSource();  // ends the thread; whoever still waits is resumed
  JwksSource(const JwksSource&) = delete;
  JwksSource& operator=(const JwksSource&) = delete;

  // The set as it is now; any thread, never blocks.
  [[nodiscard]] std::shared_ptr<const JwtKeySet> keys() const;
  // The set, fetched again where it does not know `kid` or is old, and a fetch is due.
  [[nodiscard]] Task<std::shared_ptr<const JwtKeySet>> keys_for(std::string kid);

 private:
  struct Waiting {
    Executor* executor;
    std::coroutine_handle<> awaiting;
  };
  struct Refreshed;

  void fetch_until_stopped();
  void take(Result<std::string> answer);
  [[nodiscard]] bool due_locked() const;

  const std::string url_;
  const std::vector<JwtAlgorithm> allowed_;
  const Clock& clock_;
  const JwksFetch fetch_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<const JwtKeySet> keys_ = std::make_shared<const JwtKeySet>();
  std::optional<MonoTime> tried_at_;
  std::optional<MonoTime> fetched_at_;
  bool wanted_ = true;  // the first fetch is made at once
  bool fetching_ = false;
  bool stopping_ = false;
  std::vector<Waiting> waiting_;
  std::thread thread_;
};

}  // namespace indaba::auth
