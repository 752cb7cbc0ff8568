// What a run found, as JSON for tools and as a table for people.
#pragma once

#include "bench/outcome.hpp"
#include "bench/plan.hpp"

#include <boost/json/object.hpp>
#include <string>

namespace indaba::bench {

[[nodiscard]] boost::json::object to_json(const Plan& plan, const Outcome& outcome);
[[nodiscard]] std::string to_text(const Plan& plan, const Outcome& outcome);

}  // namespace indaba::bench
