#include "api/idempotency.hpp"

#include "base/text.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace indaba::api {

namespace {

constexpr std::string_view kFindAnswer =
    "SELECT body_hash, status, body FROM idempotency_keys"
    " WHERE caller = $1 AND path = $2 AND key = $3 AND created_at > $4";
// A row that is too old counts as absent, so its place is taken.
constexpr std::string_view kKeepAnswer =
    "INSERT INTO idempotency_keys (caller, path, key, body_hash, status, body, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)"
    " ON CONFLICT (caller, path, key) DO UPDATE SET body_hash = excluded.body_hash,"
    " status = excluded.status, body = excluded.body, created_at = excluded.created_at"
    " WHERE idempotency_keys.created_at <= $8";
constexpr std::string_view kPurge =
    "DELETE FROM idempotency_keys WHERE (caller, path, key) IN"
    " (SELECT caller, path, key FROM idempotency_keys WHERE created_at <= $1 LIMIT $2)";

constexpr std::size_t kMaxKeyLength = 255;

struct StoredAnswer {
  std::string body_hash;
  KeptAnswer answer;
};

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = digest.size();
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return text::to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::int64_t oldest_kept(WallTime now) {
  return to_millis(now - Idempotency::kKeepFor);
}

// How many rows it wrote: none where another answer stands there already.
Result<std::int64_t> insert(db::Session& session, const Once::Key& key, const KeptAnswer& answer) {
  INDABA_TRY_VOID(session.execute(kKeepAnswer, key.caller, key.path, key.key, key.body_hash,
                                  answer.status, answer.body, to_millis(key.now),
                                  oldest_kept(key.now)));
  return session.changed();
}

}  // namespace

void Once::keep(db::WriteTx& tx,
                std::function<KeptAnswer(std::span<const db::Appended>)> render) const {
  if (!key_) return;
  key_->kept = false;  // the change may run again after its group was rolled back
  auto store = [key = key_, render = std::move(render)](
                   db::Session& session, std::span<const db::Appended> events) -> Result<void> {
    INDABA_TRY(const auto rows, insert(session, *key, render(events)));
    // Another process was faster with the same key: this change must not happen a second time.
    if (rows == 0)
      return Error(ErrorKind::conflict, "A request with this Idempotency-Key is running.");
    key->kept = true;
    return {};
  };
  tx.when_sequenced(std::move(store));
}

Idempotency::Running::~Running() {
  if (owner_ == nullptr) return;
  const std::scoped_lock lock(owner_->mutex_);
  owner_->running_.erase(id_);
}

Task<Result<Idempotency::Begun>> Idempotency::begin(std::string caller, std::string path,
                                                    std::string header, std::string_view body) {
  auto parsed = parse_idempotency_key(header);
  if (!parsed)
    co_return Error(ErrorKind::malformed,
                    "An Idempotency-Key is 1 to 255 visible ASCII characters.");
  auto key = std::make_shared<Once::Key>();
  key->caller = std::move(caller);
  key->path = std::move(path);
  key->key = *std::move(parsed);
  key->body_hash = sha256_hex(body);
  key->now = clock_.wall();

  auto id = fmt::format("{}\n{}\n{}", key->caller, key->path, key->key);
  Begun begun;
  {
    const std::scoped_lock lock(mutex_);
    if (!running_.insert(id).second)
      co_return Error(ErrorKind::conflict, "A request with this Idempotency-Key is still running.");
    begun.running = Running(this, std::move(id));
  }

  auto find = [key](db::Session& session) {
    return session.first<StoredAnswer>(
        kFindAnswer,
        [](const db::Row& row) {
          return StoredAnswer{row.string(0), {static_cast<int>(row.int64(1)), row.string(2)}};
        },
        key->caller, key->path, key->key, oldest_kept(key->now));
  };
  auto reading = database_.read(find);
  INDABA_CO_TRY(auto stored, co_await reading);
  if (stored && stored->body_hash != key->body_hash)
    co_return Error(ErrorKind::invalid, "idempotency_conflict",
                    "This Idempotency-Key was used with another body.");
  if (stored) begun.replay = std::move(stored->answer);
  begun.once = Once(std::move(key));
  co_return begun;
}

Task<Result<void>> Idempotency::keep_if_absent(Once once, KeptAnswer answer) {
  if (!once || once.key()->kept || answer.status == 429 || answer.status >= 500)
    co_return Result<void>();
  auto store = [key = once.key(), answer = std::move(answer)](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(insert(tx.sql(), *key, answer));
    return {};
  };
  auto writing = database_.write(db::Shard(), store);
  auto written = co_await writing;
  if (!written) co_return std::move(written).error();
  co_return Result<void>();
}

Task<Result<std::int64_t>> Idempotency::purge(std::int64_t limit) {
  auto remove = [before = oldest_kept(clock_.wall()),
                 limit](db::WriteTx& tx) -> Result<std::int64_t> {
    INDABA_TRY_VOID(tx.sql().execute(kPurge, before, limit));
    return tx.sql().changed();
  };
  auto writing = database_.write(db::Shard(), remove);
  INDABA_CO_TRY(auto written, co_await writing);
  co_return written.value;
}

std::optional<std::string> parse_idempotency_key(std::string_view header) {
  auto key = text::trim(header);
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"')
    key = key.substr(1, key.size() - 2);
  const bool visible =
      std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f && c != '"'; });
  if (key.empty() || key.size() > kMaxKeyLength || !visible) return std::nullopt;
  return std::string(key);
}

std::optional<std::string> idempotency_caller(const auth::Principal& principal) {
  switch (principal.kind) {
    case auth::PrincipalKind::user:
      return fmt::format("user:{}", principal.user.value);
    case auth::PrincipalKind::api_key:
      return fmt::format("key:{}", principal.api_key.value);
    case auth::PrincipalKind::anonymous:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace indaba::api
