// Tasks that only tests and benchmarks want: `serve --test-tasks`.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "job/definition.hpp"

namespace indaba::app {

// test.nothing: nothing, at once, and is forgotten. test.effect {"ms"}: lasts so long, and leaves a
// row in `meta` ("effect <uuid> <chance>", when it began) as its effect.
void add_queue_test_tasks(job::Registry& registry, const Clock& clock, Random& random);

}  // namespace indaba::app
