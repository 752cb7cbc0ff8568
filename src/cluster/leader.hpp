// Leader: which one of several nodes does what must be done once, by a lease in the database.
//
// Every node tries; who has the lease renews it every 2 s, and it ends 6 s after the last renewal,
// by the database's clock, so that nobody compares clocks. leading() is a hint: it turns false a
// second before the lease ends. A change that only the leader may make asks fence() inside its own
// transaction, which wants another second to be left: then not even a node that was stopped in the
// middle and woke up late does what another one has done.
//
// start(), stop() and the callback on one executor, leading() on any thread. Errors of the database
// are no leadership.
#pragma once

#include "base/executor.hpp"
#include "base/random.hpp"
#include "db/database.hpp"

#include <functional>
#include <memory>
#include <string>

namespace indaba::cluster {

class Leader {
 public:
  static constexpr Millis kLease{6000};
  static constexpr Millis kRenewal{2000};
  static constexpr Millis kMargin{1000};
  using Fence = std::function<Result<void>(db::Session&)>;

  // `name` is what is led ("bridge"). `database` and `clock` outlive this.
  Leader(db::Database& database, std::string name, const Clock& clock, Random& random);
  ~Leader();
  Leader(const Leader&) = delete;
  Leader& operator=(const Leader&) = delete;

  // On `executor`; `changed` is called there when this node begins or ceases to lead.
  void start(Executor& executor, std::function<void(bool)> changed);
  void stop();  // no more renewals; the lease runs out unless it is given back
  // So that another node need not wait. On the thread that ends the program, after stop(). False:
  // the database has not answered `within` this time; the lease runs out by itself.
  [[nodiscard]] bool resign_blocking(Millis within);

  [[nodiscard]] bool leading() const noexcept;
  // Or led until up to 30 s ago, and nobody is known to have followed: the database may be away.
  [[nodiscard]] bool led_last() const noexcept;
  // Of the last lease; counts how often the lease went to another node.
  [[nodiscard]] std::int64_t term() const noexcept;
  // For a change: conflict ("not_leader") where this node does not lead (any more, or for a second)
  // in the term that it has now.
  [[nodiscard]] Fence fence() const;
  [[nodiscard]] const std::string& holder() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace indaba::cluster
