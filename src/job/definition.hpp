// Definition: one kind of background work, declared once for the queue in the database and for
// Celery's: what it is called, what it does, and how it is to be run.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"
#include "db/database.hpp"

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace indaba::job {

// One run, as its body sees it. Any thread.
class Running {
 public:
  Running() = default;
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  virtual ~Running() = default;

  // The same for all runs of one job; "01890a5d-ac96-774b-bcce-b302099a8057".
  [[nodiscard]] virtual const std::string& uuid() const = 0;
  [[nodiscard]] virtual const boost::json::object& arguments() const = 0;
  [[nodiscard]] virtual int attempt() const = 0;  // 1, 2, 3, …
  // For whom; none where nobody in particular.
  [[nodiscard]] virtual OrgId org() const = 0;
  [[nodiscard]] virtual UserId user() const = 0;

  // Asked to stop: it was cancelled, its soft limit of time is over, or the process ends. A body
  // that lasts looks at this now and then, and returns stopped().
  [[nodiscard]] virtual bool stopping() const = 0;
  // Of 1.0. Kept and told to whoever watches, once a second at most.
  virtual void progress(double fraction, std::string_view note) = 0;
};

// What a body leaves behind when it succeeded.
struct Done {
  std::string result = "null";  // JSON, at most 64 KiB: told to whoever asks what became of it
  // Runs in the transaction that records the success, and only if this run may still record it:
  // what is written here is written exactly once, however often the body ran. May itself run more
  // than once, like every change.
  std::function<Result<void>(db::WriteTx&)> effect;
  // Where `effect` belongs, if that is not where the job itself does (Running::org()).
  std::optional<db::Shard> shard{};
};

// What a body returns that was asked to stop, and did: the work is given back, and runs again.
[[nodiscard]] Error stopped();
[[nodiscard]] bool is_stopped(const Error& error);

// Errors of the kinds internal, unavailable and rate_limited are tried again, not before their
// `retry_after`; of the other kinds they are final, because they would be the same again.
[[nodiscard]] bool worth_another_try(const Error& error);

// For work that waits (for the database, for another server): runs on an executor.
using Waits = std::function<Task<Result<Done>>(std::shared_ptr<Running>)>;
// For work that computes, or waits inside a library: runs on a thread of a pool.
using Blocks = std::function<Result<Done>(Running&)>;

// What a task has that leaves its own limits out: the operator's choice.
struct UsualLimits {
  Millis soft{25'000};
  Millis hard{30'000};
  int retries = 3;
};

struct Limits {
  static constexpr Millis kUsual{-1};
  static constexpr int kUsualRetries = -1;
  Millis soft = kUsual;             // then it is asked to stop
  Millis hard = kUsual;             // then it is given up, and what it may still do is not recorded
  int retries = kUsualRetries;      // so many runs more, after the first one failed
  Millis backoff{1'000};            // before the nth retry: by chance, up to this times 2^(n-1) …
  Millis longest_backoff{600'000};  // … and never longer
};

// Of work that lasts for minutes: a worker has slots of their own for it, so that nothing else
// waits behind it.
inline constexpr std::string_view kLongQueue = "long";

struct Definition {
  std::string name;  // "orgs.export"
  std::variant<Waits, Blocks> body;
  Limits limits{};
  int priority = 3;  // 0 is the most urgent, 9 the least, as Celery counts on Redis
  std::string queue = "default";
  // How long what became of it can be asked for; 0: it is forgotten when it has succeeded.
  Millis kept{3'600'000};
  // For Celery: whether its callers may name it at all, other names that it is known by there, what
  // its arguments are called in order (none: by any name, and none by its place), and how many of
  // them, from the first, there must be.
  bool celery = false;
  std::vector<std::string> aliases{};
  std::vector<std::string> parameters{};
  std::size_t required = 0;
};

// All kinds that a process can run. Filled before anything runs, read by any thread then.
class Registry {
 public:
  explicit Registry(UsualLimits usual = {}) : usual_(usual) {}

  void add(Definition definition);  // a name stands once: else a broken invariant
  // By its name, or one of its aliases. nullptr: nobody here knows it.
  [[nodiscard]] const Definition* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;  // in order, without the aliases
  // Of those that Celery's callers may name, with the aliases.
  [[nodiscard]] std::vector<std::string> celery_names() const;

 private:
  const UsualLimits usual_;
  std::vector<std::unique_ptr<Definition>> definitions_;
};

}  // namespace indaba::job
