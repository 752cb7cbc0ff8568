#include "auth/jwks.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

namespace indaba::auth {

namespace {

std::optional<std::string_view> member(const boost::json::object& key, std::string_view name) {
  const auto* value = key.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->as_string());
}

std::optional<std::string> decoded(const boost::json::object& key, std::string_view name) {
  const auto encoded = member(key, name);
  return encoded ? text::from_base64url(*encoded) : std::nullopt;
}

std::optional<JwtKey> usable(Result<JwtKey> key) {
  if (!key) return std::nullopt;
  return *std::move(key);
}

std::optional<JwtKey> read_key(const boost::json::object& key) {
  if (const auto use = member(key, "use"); use && *use != "sig") return std::nullopt;
  std::string kid(member(key, "kid").value_or(""));
  if (kid.size() > kMaxKidBytes) return std::nullopt;
  const auto kty = member(key, "kty").value_or("");
  const auto crv = member(key, "crv").value_or("");
  if (kty == "RSA") {
    const auto n = decoded(key, "n");
    const auto e = decoded(key, "e");
    if (n && e) return usable(JwtKey::from_rsa(*n, *e, std::move(kid)));
  } else if (kty == "EC" && crv == "P-256") {
    const auto x = decoded(key, "x");
    const auto y = decoded(key, "y");
    if (x && y) return usable(JwtKey::from_p256(*x, *y, std::move(kid)));
  } else if (kty == "OKP" && crv == "Ed25519") {
    if (const auto x = decoded(key, "x")) return usable(JwtKey::from_ed25519(*x, std::move(kid)));
  }
  return std::nullopt;
}

}  // namespace

Result<JwtKeySet> parse_jwks(std::string_view document, const std::vector<JwtAlgorithm>& allowed) {
  INDABA_TRY(const auto value, json::parse(document));
  const auto* set = value.if_object();
  const auto* keys = set != nullptr ? set->if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array())
    return Error(ErrorKind::invalid, "a JWKS is an object with an array `keys`");
  std::vector<JwtKey> found;
  for (const auto& entry : keys->as_array()) {
    if (found.size() == JwtKeySet::kMaxKeys) break;
    const auto* object = entry.if_object();
    auto key = object != nullptr ? read_key(*object) : std::nullopt;
    if (!key) continue;
    // A key that names its algorithm is for that one alone.
    if (const auto alg = member(*object, "alg"); alg && *alg != to_string(key->algorithm()))
      continue;
    if (!allowed.empty() &&
        std::find(allowed.begin(), allowed.end(), key->algorithm()) == allowed.end())
      continue;
    found.push_back(*std::move(key));
  }
  return JwtKeySet(std::move(found));
}

// Waits for the fetch that is going on or wanted; resumes on the executor that it came from.
struct JwksSource::Refreshed {
  static constexpr std::size_t kMaxWaiting = 1'000;

  JwksSource& source;
  std::string_view kid;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting) const {
    const std::lock_guard lock(source.mutex_);
    const bool old = !source.fetched_at_ || source.clock_.mono() - *source.fetched_at_ > kMaxAge;
    const bool unknown = !source.keys_->knows(kid) || source.keys_->size() == 0;
    if (source.stopping_ || (!unknown && !old)) return false;
    if (!source.fetching_ && !source.wanted_) {
      if (!source.due_locked()) return false;
      source.wanted_ = true;
      source.wake_.notify_one();
    }
    // A set that is merely old still serves: it is fetched beside.
    if (!unknown || source.waiting_.size() >= kMaxWaiting) return false;
    source.waiting_.push_back({Executor::current(), awaiting});
    return true;
  }
  void await_resume() const noexcept {}
};

JwksSource::JwksSource(std::string url, std::vector<JwtAlgorithm> allowed, const Clock& clock,
                       JwksFetch fetch)
    : url_(std::move(url)), allowed_(std::move(allowed)), clock_(clock), fetch_(std::move(fetch)) {
  thread_ = std::thread([this] { fetch_until_stopped(); });
}

JwksSource::~JwksSource() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::shared_ptr<const JwtKeySet> JwksSource::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

Task<std::shared_ptr<const JwtKeySet>> JwksSource::keys_for(std::string kid) {
  co_await Refreshed{*this, kid};
  co_return keys();
}

bool JwksSource::due_locked() const {
  return !tried_at_ || clock_.mono() - *tried_at_ >= kMinInterval;
}

void JwksSource::fetch_until_stopped() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || wanted_; });
      if (stopping_) break;
      wanted_ = false;
      fetching_ = true;
      tried_at_ = clock_.mono();
    }
    take(fetch_(url_));
  }
  take(Error(ErrorKind::unavailable));
}

void JwksSource::take(Result<std::string> answer) {
  auto parsed =
      answer ? parse_jwks(*answer, allowed_) : Result<JwtKeySet>(std::move(answer).error());
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    fetching_ = false;
    if (parsed) {
      keys_ = std::make_shared<const JwtKeySet>(*std::move(parsed));
      fetched_at_ = clock_.mono();
    }
    waiting.swap(waiting_);
  }
  for (const auto& one : waiting)
    one.executor->post([awaiting = one.awaiting] { awaiting.resume(); });
}

}  // namespace indaba::auth
