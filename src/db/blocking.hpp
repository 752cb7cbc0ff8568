// read_blocking() and write_blocking(): for the command line and start-up, where there is no
// executor. Never on a loop.
#pragma once

#include "base/check.hpp"
#include "db/database.hpp"

#include <future>

namespace indaba::db {

namespace detail {

template <class F>
class BlockingChange final : public Change {
  using Value = typename ValueOf<std::invoke_result_t<F&, WriteTx&>>::type;

 public:
  using Outcome = Result<Written<Value>>;
  BlockingChange(F& change, std::promise<Outcome>& done) : change_(change), done_(done) {}

  Result<void> apply(WriteTx& tx) override {
    auto result = change_(tx);
    if (!result) return std::move(result).error();
    if constexpr (std::is_void_v<typename decltype(result)::value_type>)
      value_.emplace();
    else
      value_.emplace(*std::move(result));
    return {};
  }
  void finish(Result<std::vector<Appended>> outcome) override {
    if (outcome)
      done_.set_value(Written<Value>{*std::move(value_), *std::move(outcome)});
    else
      done_.set_value(std::move(outcome).error());
  }

 private:
  F& change_;
  std::promise<Outcome>& done_;
  std::optional<Value> value_;
};

template <class F>
class BlockingQuery final : public Query {
 public:
  using Outcome = std::invoke_result_t<F&, Session&>;
  BlockingQuery(F& query, std::promise<Outcome>& done) : query_(query), done_(done) {}

  void run(Session& session) override { done_.set_value(query_(session)); }
  void refuse(Error error) override { done_.set_value(std::move(error)); }

 private:
  F& query_;
  std::promise<Outcome>& done_;
};

}  // namespace detail

// auto written = db::write_blocking(database, shard, [&](db::WriteTx& tx) -> Result<OrgId> { … });
// Result<Written<OrgId>>
template <class F>
[[nodiscard]] auto write_blocking(Database& database, Shard shard, F change) {
  check(Executor::current() == nullptr, "a loop must not wait for the database");
  std::promise<typename detail::BlockingChange<F>::Outcome> done;
  auto future = done.get_future();
  database.submit(shard, std::make_unique<detail::BlockingChange<F>>(change, done));
  return future.get();
}

// auto user = db::read_blocking(database, [&](db::Session& session) -> Result<User> { … });
template <class F>
[[nodiscard]] auto read_blocking(Database& database, F query) {
  check(Executor::current() == nullptr, "a loop must not wait for the database");
  std::promise<typename detail::BlockingQuery<F>::Outcome> done;
  auto future = done.get_future();
  database.submit(std::make_unique<detail::BlockingQuery<F>>(query, done));
  return future.get();
}

}  // namespace indaba::db
