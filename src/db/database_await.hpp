// The awaitables behind Database::read() and write(): they park the coroutine, and resume it on the
// executor that it came from.
#pragma once

#include "base/check.hpp"

#include <variant>

namespace indaba::db {

namespace detail {

template <class R>
struct ValueOf;
template <class T>
struct ValueOf<Result<T>> {
  using type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
};

template <class F>
class WriteAwaitable {
  using Value = typename ValueOf<std::invoke_result_t<F&, WriteTx&>>::type;
  using Outcome = Result<Written<Value>>;

  struct Pending final : Change {
    Pending(F f, Executor* e, std::coroutine_handle<> h, std::optional<Outcome>* out)
        : change(std::move(f)), executor(e), awaiting(h), outcome(out) {}

    Result<void> apply(WriteTx& tx) override {
      auto result = change(tx);
      if (!result) return std::move(result).error();
      if constexpr (std::is_void_v<typename decltype(result)::value_type>)
        value.emplace();
      else
        value.emplace(*std::move(result));
      return {};
    }
    void finish(Result<std::vector<Appended>> events) override {
      if (events)
        outcome->emplace(Written<Value>{std::move(*value), *std::move(events)});
      else
        outcome->emplace(std::move(events).error());
      executor->post([h = awaiting] { h.resume(); });
    }

    F change;
    Executor* executor;
    std::coroutine_handle<> awaiting;
    std::optional<Outcome>* outcome;
    std::optional<Value> value;
  };

 public:
  WriteAwaitable(Database& database, Shard shard, F change)
      : database_(database), shard_(shard), change_(std::move(change)) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    check(Executor::current() != nullptr, "a database write is awaited on an executor");
    // The coroutine may be resumed, and this awaitable destroyed, before submit() returns: touch
    // nothing after it.
    database_.submit(shard_, std::make_unique<Pending>(std::move(change_), Executor::current(),
                                                       awaiting, &outcome_));
  }
  [[nodiscard]] Outcome await_resume() { return *std::move(outcome_); }

 private:
  Database& database_;
  Shard shard_;
  F change_;
  std::optional<Outcome> outcome_;
};

template <class F>
class ReadAwaitable {
  using Outcome = std::invoke_result_t<F&, Session&>;

  struct Pending final : Query {
    Pending(F f, Executor* e, std::coroutine_handle<> h, std::optional<Outcome>* out)
        : query(std::move(f)), executor(e), awaiting(h), outcome(out) {}
    void run(Session& session) override { done(query(session)); }
    void refuse(Error error) override { done(Outcome(std::move(error))); }
    void done(Outcome result) {
      outcome->emplace(std::move(result));
      executor->post([h = awaiting] { h.resume(); });
    }

    F query;
    Executor* executor;
    std::coroutine_handle<> awaiting;
    std::optional<Outcome>* outcome;
  };

 public:
  ReadAwaitable(Database& database, F query) : database_(database), query_(std::move(query)) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    check(Executor::current() != nullptr, "a database read is awaited on an executor");
    database_.submit(
        std::make_unique<Pending>(std::move(query_), Executor::current(), awaiting, &outcome_));
  }
  [[nodiscard]] Outcome await_resume() { return *std::move(outcome_); }

 private:
  Database& database_;
  F query_;
  std::optional<Outcome> outcome_;
};

}  // namespace detail

template <class F>
auto Database::write(Shard shard, F change) {
  return detail::WriteAwaitable<F>(*this, shard, std::move(change));
}

template <class F>
auto Database::read(F query) {
  return detail::ReadAwaitable<F>(*this, std::move(query));
}

}  // namespace indaba::db
