// Hundreds of short lives of three nodes. INDABA_SIM_SEEDS says how many, INDABA_SIM_FIRST where to
// begin, INDABA_SIM_SEED repeats one and prints its trace.
#include "api/simulation/run.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace indaba::api::simulation {
namespace {

using stream::simulation::Plant;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(NodesSimulation, no_seed_finds_a_broken_promise) {
  if (std::getenv("INDABA_SIM_SEED") != nullptr) {
    const auto report = run(from_environment("INDABA_SIM_SEED", 1), Plant::none, true);
    EXPECT_EQ(report.violated, "");
    return;
  }
  const auto first = from_environment("INDABA_SIM_FIRST", 1);
  const auto seeds = from_environment("INDABA_SIM_SEEDS", 1'000);
  Report sum;
  int violations = 0;
  for (std::uint64_t seed = first; seed < first + seeds && violations < 5; ++seed) {
    const auto report = run(seed);
    sum.acks += report.acks;
    sum.deaths += report.deaths;
    sum.restores += report.restores;
    sum.faults += report.faults;
    violations += report.violated.empty() ? 0 : 1;
    EXPECT_EQ(report.violated, "")
        << "INDABA_SIM_SEED=" << seed << " repeats it and prints its trace";
  }
  RecordProperty("acknowledged", static_cast<int>(sum.acks));
  RecordProperty("deaths", sum.deaths);
  RecordProperty("restores", sum.restores);
  RecordProperty("faults", sum.faults);
  EXPECT_GT(sum.acks, seeds * 10);
  EXPECT_GT(sum.deaths, 0);
}

TEST(NodesSimulation, a_seed_repeats_its_run_bit_for_bit) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto hash = run(seed).trace_hash;
    EXPECT_EQ(run(seed).trace_hash, hash) << "seed " << seed;
    hashes.insert(hash);
  }
  EXPECT_EQ(hashes.size(), 20U) << "different seeds run differently";
}

// A test of the test: what is wrong on purpose is found, and for the right reason.
struct Planted {
  Plant plant;
  const char* name;
  std::string_view found_as;
};
class PlantedInNodes : public testing::TestWithParam<Planted> {};

TEST_P(PlantedInNodes, is_found_within_a_thousand_seeds) {
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    const auto violated = run(seed, GetParam().plant).violated;
    if (violated.empty()) continue;
    EXPECT_NE(violated.find(GetParam().found_as), std::string::npos) << violated;
    RecordProperty("seed", static_cast<int>(seed));
    return;
  }
  FAIL() << "no seed found it";
}

INSTANTIATE_TEST_SUITE_P(
    NodesSimulation, PlantedInNodes,
    testing::Values(
        Planted{Plant::ack_before_commit, "an_answer_before_the_commit", "I"},
        Planted{Plant::ack_of_rolled_back, "an_answer_for_what_was_rolled_back", "I"},
        Planted{Plant::tell_before_commit, "an_event_before_the_commit", "I2"},
        Planted{Plant::unknown_as_rejected, "an_unknown_outcome_called_a_no", "I6"},
        Planted{Plant::forgotten_dedupe, "a_forgotten_dedupe_key", "I4"},
        Planted{Plant::dedupe_per_node, "a_dedupe_key_that_other_nodes_do_not_know", "I4"},
        Planted{Plant::oldest_off_by_one, "a_page_that_is_off_by_one", "I5"},
        Planted{Plant::epoch_ignored, "an_epoch_that_is_ignored", "I"},
        Planted{Plant::lossy_outbox, "an_outbox_that_forgets", "I"},
        Planted{Plant::renumbering_bus, "a_gap_that_is_papered_over", "I"},
        Planted{Plant::resume_one_late, "a_resume_one_too_late", "I"},
        Planted{Plant::resume_one_early, "a_resume_one_too_early", "I3"},
        Planted{Plant::no_repair, "heads_that_nobody_compares", "I"},
        Planted{Plant::skipped_while_shut, "heads_seen_in_vain", "I"},
        Planted{Plant::open_gate, "a_gate_that_never_shuts", "I8"},
        Planted{Plant::access_not_told, "ended_access_of_which_others_hear_nothing", "I8"},
        Planted{Plant::access_believed, "a_right_to_read_that_is_believed_for_ever", "I8"},
        Planted{Plant::own_words_as_others, "own_words_that_come_back_as_anothers", "twice"},
        Planted{Plant::rewrites_not_told, "a_deleted_event_that_stays_in_memory", "came back"}),
    [](const auto& planted) { return std::string(planted.param.name); });

}  // namespace
}  // namespace indaba::api::simulation
