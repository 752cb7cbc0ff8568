#include "cluster/leader.hpp"

#include "base/task.hpp"
#include "base/text.hpp"
#include "db/sql_clock.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <fmt/format.h>
#include <future>

namespace indaba::cluster {

namespace {

// What it says, once for each database: a statement is prepared by its text.
struct Statements {
  explicit Statements(db::Dialect dialect)
      : acquire(fmt::format(
            "INSERT INTO leases (name, holder, term, ends_at) VALUES ($1, $2, 1, {0} + $3)"
            " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends_at = "
            "excluded.ends_at,"
            " term = leases.term + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END"
            " WHERE leases.holder = excluded.holder OR leases.ends_at <= {0} RETURNING term",
            db::sql_now(dialect))),
        is_free(fmt::format("SELECT 1 FROM leases WHERE name = $1 AND ends_at > {0}",
                            db::sql_now(dialect))),
        holds(fmt::format("SELECT 1 FROM leases WHERE name = $1 AND holder = $2 AND term = $3"
                          " AND ends_at > {0} + $4",
                          db::sql_now(dialect))) {}
  std::string acquire;
  std::string is_free;
  std::string holds;
};

const Statements& statements(db::Dialect dialect) {
  static const Statements sqlite(db::Dialect::sqlite);
  static const Statements postgres(db::Dialect::postgres);
  return dialect == db::Dialect::sqlite ? sqlite : postgres;
}

constexpr std::string_view kResign =
    "UPDATE leases SET ends_at = 0 WHERE name = $1 AND holder = $2";
constexpr Millis kRecent{30'000};

std::int64_t one(const db::Row& row) {
  return row.int64(0);
}

// Owns all it needs: whoever gave up waiting for it is gone when it comes to it.
class Resignation final : public db::Change {
 public:
  Resignation(std::string name, std::string holder)
      : name_(std::move(name)), holder_(std::move(holder)) {}
  [[nodiscard]] std::future<bool> done() { return done_.get_future(); }

  Result<void> apply(db::WriteTx& tx) override { return tx.sql().execute(kResign, name_, holder_); }
  void finish(Result<std::vector<db::Appended>> outcome) override {
    done_.set_value(outcome.has_value());
  }

 private:
  const std::string name_;
  const std::string holder_;
  std::promise<bool> done_;
};

std::string random_holder(Random& random) {
  std::array<std::byte, 12> bytes{};
  random.fill(bytes);
  return text::to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

struct Leader::State {
  State(db::Database& db, std::string what, const Clock& c, std::string who)
      : database(db), name(std::move(what)), clock(c), holder(std::move(who)) {}

  db::Database& database;
  const std::string name;
  const Clock& clock;
  const std::string holder;
  std::atomic<MonoTime> until{MonoTime::min()};  // leading() until then
  std::atomic<std::int64_t> term{0};
  std::atomic<bool> another{true};  // leads, as far as is known

  // The executor's own:
  Executor* executor = nullptr;
  std::function<void(bool)> changed;
  bool stopped = false;
  bool told = false;

  [[nodiscard]] bool leading() const { return clock.mono() < until.load(); }

  void tell() {
    if (leading() == told || stopped) return;
    told = !told;
    changed(told);
  }

  static void step(const std::shared_ptr<State>& state) {
    if (!state->stopped) spawn(attempt(state));
  }
  static void step_later(const std::shared_ptr<State>& state) {
    state->executor->run_after(kRenewal, [state] { step(state); });
  }

  // Asks before it tries: who does not lead writes nothing.
  static Task<void> attempt(std::shared_ptr<State> state) {
    if (!state->leading()) {
      auto query = [name = state->name](db::Session& session) {
        return session.first<std::int64_t>(statements(session.dialect()).is_free, one, name);
      };
      auto reading = state->database.read(query);
      const auto taken = co_await reading;
      if (!taken || *taken) {
        if (taken) state->another = true;
        state->tell();
        step_later(state);
        co_return;
      }
    }
    auto renewing = renew(state);
    co_await renewing;
    state->tell();
    step_later(state);
  }

  static Task<void> renew(std::shared_ptr<State> state) {
    const auto began = state->clock.mono();
    auto change = [name = state->name, holder = state->holder](db::WriteTx& tx) {
      return tx.sql().first<std::int64_t>(statements(tx.sql().dialect()).acquire, one, name, holder,
                                          std::int64_t{kLease.count()});
    };
    auto writing = state->database.write(db::Shard(0), change);
    const auto written = co_await writing;
    if (state->stopped || !written) co_return;  // an old lease goes on until it ends
    state->another = !written->value;
    if (written->value) state->term = *written->value;
    state->until = written->value ? began + kLease - kMargin : MonoTime::min();
    // Where no renewal comes in time, the end is noticed in time.
    state->executor->run_after(kLease - kMargin + Millis(16), [state] { state->tell(); });
  }
};

Leader::Leader(db::Database& database, std::string name, const Clock& clock, Random& random)
    : state_(std::make_shared<State>(database, std::move(name), clock, random_holder(random))) {}

Leader::~Leader() = default;

void Leader::start(Executor& executor, std::function<void(bool)> changed) {
  state_->executor = &executor;
  state_->changed = std::move(changed);
  State::step(state_);
}

void Leader::stop() {
  state_->stopped = true;
  state_->until = MonoTime::min();
}

bool Leader::resign_blocking(Millis within) {
  if (state_->another) return true;  // it is not ours
  auto resignation = std::make_unique<Resignation>(state_->name, state_->holder);
  auto done = resignation->done();
  state_->database.submit(db::Shard(0), std::move(resignation));
  return done.wait_for(std::max(within, Millis(0))) == std::future_status::ready && done.get();
}

bool Leader::leading() const noexcept {
  return state_->leading();
}

bool Leader::led_last() const noexcept {
  if (leading()) return true;
  const auto until = state_->until.load();
  return !state_->another.load() && until != MonoTime::min() &&
         state_->clock.mono() < until + kRecent;
}

std::int64_t Leader::term() const noexcept {
  return state_->term.load();
}

const std::string& Leader::holder() const noexcept {
  return state_->holder;
}

Leader::Fence Leader::fence() const {
  return [name = state_->name, holder = state_->holder,
          term = term()](db::Session& session) -> Result<void> {
    INDABA_TRY(const auto held,
               session.first<std::int64_t>(statements(session.dialect()).holds, one, name, holder,
                                           term, std::int64_t{kMargin.count()}));
    if (held) return {};
    return Error(ErrorKind::conflict, "not_leader", "Another node leads.");
  };
}

}  // namespace indaba::cluster
