#include "app/test_tasks.hpp"

#include <csignal>

namespace indaba::app {

namespace {

using job::Done;
using job::Running;

Task<Result<Done>> nothing(std::shared_ptr<Running>) {
  co_return Done{};
}

Task<Result<Done>> effect(const Clock* clock, Random* random, std::shared_ptr<Running> run) {
  const auto began = to_millis(clock->wall());
  const auto* lasts = run->arguments().if_contains("ms");
  if (lasts != nullptr && lasts->is_int64()) co_await sleep_for{Millis(lasts->get_int64())};
  const auto key = fmt::format("effect {} {}", run->uuid(), random->below(1'000'000'000));
  Done done;
  done.effect = [key, began](db::WriteTx& tx) {
    return tx.sql().execute("INSERT INTO meta (key, value) VALUES ($1, $2)", key,
                            std::to_string(began));
  };
  co_return done;
}

}  // namespace

void add_queue_test_tasks(job::Registry& registry, const Clock& clock, Random& random) {
  registry.add({.name = "test.nothing", .body = job::Waits(&nothing), .kept = Millis(0)});
  registry.add({.name = "test.crash", .body = job::Blocks([](Running&) -> Result<Done> {
                                        std::ignore = ::raise(SIGKILL);
                                        return Done{};
                                      })});
  registry.add({.name = "test.effect",
                .body = [clock = &clock, random = &random](std::shared_ptr<Running> run) {
                  return effect(clock, random, std::move(run));
                }});
}

}  // namespace indaba::app
