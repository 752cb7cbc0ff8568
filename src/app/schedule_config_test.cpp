#include "app/schedule_config.hpp"

#include "app/schedule_entries.hpp"
#include "db/test_database.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class ScheduleConfigTest : public testing::Test {
 protected:
  Result<Config> load(const std::string& content) const {
    ConfigInput input;
    input.file = folder_.path() / "indaba.toml";
    std::ofstream(*input.file) << content;
    return Config::load(input);
  }
  std::string refusal(const std::string& content) const {
    const auto config = load(content);
    return config ? "" : config.error().detail;
  }
  std::string refusal_of_entry(const std::string& lines) const {
    return refusal("[jobs.schedule.entry]\n" + lines);
  }

  db::TemporaryFolder folder_;
};

TEST_F(ScheduleConfigTest, takes_entries_that_operators_add) {
  const auto config = load(R"([jobs]
concurrency = 2
[jobs.schedule.nightly]
task = "jobs.forget"
crontab = "0 4 * * mon-fri"
zone = "Africa/Johannesburg"
arguments = { days = 30, names = ["a", "b"], deep = { yes = true, half = 0.5 } }
queue = "slow"
priority = 7
expires = "10m"
[jobs.schedule.often]
task = "jobs.forget"
every = 90
)");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->integer("jobs.concurrency"), 2);
  const auto entries = schedule_config(*config).value();
  ASSERT_EQ(entries.size(), 2U);
  const auto& nightly = entries[0];
  EXPECT_EQ(nightly.name, "nightly");
  EXPECT_EQ(job::to_text(nightly.timing), "0 4 * * mon-fri Africa/Johannesburg");
  EXPECT_EQ(nightly.wanted.task, "jobs.forget");
  EXPECT_EQ(boost::json::serialize(nightly.wanted.arguments.at("names")), R"(["a","b"])");
  EXPECT_EQ(nightly.wanted.arguments.at("days"), 30);
  EXPECT_EQ(nightly.wanted.arguments.at("deep").at("half"), 0.5);
  EXPECT_EQ(nightly.wanted.queue, "slow");
  EXPECT_EQ(nightly.wanted.priority, 7);
  EXPECT_EQ(nightly.wanted.expires, 10min);
  EXPECT_EQ(job::to_text(entries[1].timing), "every 90s");
  EXPECT_FALSE(entries[1].wanted.queue || entries[1].wanted.priority);
}

TEST_F(ScheduleConfigTest, says_which_entry_is_wrong_and_why) {
  const std::string task = "task = \"x\"\n";
  EXPECT_EQ(refusal_of_entry("every = 60"), "jobs.schedule.entry needs a task");
  EXPECT_EQ(refusal_of_entry(task), "jobs.schedule.entry needs either every or crontab");
  EXPECT_EQ(refusal_of_entry(task + "every = 60\ncrontab = \"* * * * *\""),
            "jobs.schedule.entry needs either every or crontab");
  EXPECT_THAT(refusal_of_entry(task + "every = \"500ms\""), HasSubstr("a duration of 1s or more"));
  EXPECT_THAT(refusal_of_entry(task + "every = \"soon\""), HasSubstr("a duration of 1s or more"));
  EXPECT_EQ(refusal_of_entry(task + "crontab = \"0 25 * * *\""),
            "jobs.schedule.entry: the hour \"25\" must be from 0 to 23");
  EXPECT_THAT(refusal_of_entry(task + "crontab = \"* * * * *\"\nzone = \"Mars\""),
              HasSubstr("jobs.schedule.entry: there is no time zone \"Mars\""));
  EXPECT_EQ(refusal_of_entry(task + "every = 60\nzone = \"UTC\""),
            "jobs.schedule.entry has a zone, which is for a crontab");
  EXPECT_THAT(refusal_of_entry(task + "every = 60\npriority = 10"), HasSubstr("from 0 to 9"));
  EXPECT_THAT(refusal_of_entry(task + "every = 60\nexpires = \"never\""), HasSubstr("expires"));
  EXPECT_THAT(refusal_of_entry(task + "evry = 60"),
              HasSubstr("indaba.toml line 3: jobs.schedule.entry.evry is no part of an entry"));
  EXPECT_THAT(refusal_of_entry(task + "every = [60]"), HasSubstr("must be text or a number"));
  EXPECT_THAT(refusal_of_entry(task + "every = 60\narguments = 1"), HasSubstr("must be a table"));
  EXPECT_THAT(refusal_of_entry(task + "every = 60\narguments = { day = 2026-01-01 }"),
              HasSubstr("must be a table"));
  EXPECT_THAT(refusal_of_entry(task + "every = 60\narguments = { n = nan }"),
              HasSubstr("must be a table"));
  EXPECT_THAT(refusal("[jobs.schedule]\nentry = 1"), HasSubstr("[jobs.schedule.NAME]"));
  EXPECT_THAT(refusal("[jobs]\nschedule = 1"), HasSubstr("there is no setting jobs.schedule"));
  EXPECT_THAT(refusal("[jobs.schedule.\"A b\"]\n" + task + "every = 60"),
              HasSubstr("must have a name of a-z"));
}

class WholeScheduleTest : public ScheduleConfigTest {
 protected:
  ~WholeScheduleTest() override { database_->stop(); }
  Result<std::vector<job::Entry>> whole(const std::string& content, bool archives = false) {
    const auto config = load(content);
    if (!config) return config.error();
    job::Registry registry;
    declare_house_tasks(registry, *database_);
    for (const auto name : {kTrim, kArchive, kCleanUp, kEndSessions})  // the node's
      registry.add({.name = std::string(name), .body = job::Blocks([](job::Running&) {
                                                 return Result<job::Done>(job::Done{});
                                               })});
    return whole_schedule(*config, registry, archives);
  }
  SystemClock clock_;
  db::CountingSequencer sequencer_;
  std::unique_ptr<db::Database> database_ =
      db::SqliteDatabase::open({.file = folder_.path() / "indaba.db"}, sequencer_, clock_).value();
};

TEST_F(WholeScheduleTest, is_the_products_and_the_operators) {
  const auto alone = whole("");
  ASSERT_TRUE(alone) << alone.error().detail;
  EXPECT_EQ(alone->size(), product_schedule(false).size());
  const auto entries = whole("[jobs.schedule.mine]\ntask = \"jobs.forget\"\nevery = 60");
  ASSERT_TRUE(entries) << entries.error().detail;
  EXPECT_EQ(entries->size(), alone->size() + 1);
  EXPECT_EQ(entries->back().name, "mine");
}

TEST_F(WholeScheduleTest,
       old_events_are_archived_once_a_day_instead_of_deleted_where_a_folder_is_set) {
  const auto interval_of = [this](std::string_view name, bool archives) -> std::optional<Millis> {
    const auto entries = whole("", archives).value();
    const auto found = std::ranges::find(entries, name, &job::Entry::name);
    if (found == entries.end()) return std::nullopt;
    return std::get<job::Every>(found->timing).interval;
  };
  EXPECT_EQ(interval_of("trim-events", false), Millis(600'000));
  EXPECT_EQ(interval_of("archive-logs", false), std::nullopt);
  EXPECT_EQ(interval_of("trim-events", true), std::nullopt);
  EXPECT_EQ(interval_of("archive-logs", true), Millis(86'400'000));
  EXPECT_EQ(interval_of("unpin-expired", true), Millis(300'000));
}

TEST_F(WholeScheduleTest, refuses_a_task_that_nobody_knows_and_a_name_of_the_products) {
  EXPECT_EQ(whole("[jobs.schedule.mine]\ntask = \"dance\"\nevery = 60").error().detail,
            "jobs.schedule.mine: there is no task dance; there are archive-logs, clean-up, "
            "end-sessions, jobs.forget, "
            "trim-events, unpin-expired");
  EXPECT_THAT(
      whole("[jobs.schedule.forget-jobs]\ntask = \"jobs.forget\"\nevery = 60").error().detail,
      HasSubstr("the server has an entry forget-jobs of its own"));
}

}  // namespace
}  // namespace indaba::app
