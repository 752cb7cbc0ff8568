#include "app/admin_schedule.hpp"

#include "app/config_sections.hpp"
#include "app/schedule_entries.hpp"
#include "app/storage.hpp"
#include "db/blocking.hpp"
#include "db/test_database.hpp"
#include "job/schedule.hpp"
#include "stream/event_log.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

namespace indaba::app {
namespace {

using testing::HasSubstr;

TEST(JobsSchedule, shows_what_comes_when_and_when_it_came_last) {
  const db::TemporaryFolder folder;
  std::ostringstream out;
  std::ostringstream err;
  CommandLine line;
  line.out = &out;
  line.err = &err;
  line.input.environment = {{"INDABA_DATA_DIR", folder.path().string()}};
  CLI::App app;
  add_jobs_schedule(app, line);
  const auto show = [&] {
    out.str("");
    app.parse("schedule");
    EXPECT_EQ(line.run(), kDone) << err.str();
    return out.str();
  };
  EXPECT_EQ(std::ranges::count(show(), '\n'), 1) << "nothing was ever scheduled";
  {
    const SystemClock clock;
    SystemRandom random;
    stream::EventLog log(clock);
    const auto config = Config::load(line.input).value();
    const auto database = open_database(data_config(config), Migrate::no, log, clock).value();
    job::Registry registry;
    declare_house_tasks(registry, *database);
    const job::Queue queue(registry, clock, random);
    const job::Schedule schedule(product_schedule(false), queue, "test");
    const auto change = [&](db::WriteTx& tx) { return schedule.look(tx); };
    ASSERT_TRUE(db::write_blocking(*database, job::Schedule::shard(), change));
    database->stop();
  }
  const auto shown = show();
  EXPECT_THAT(shown, HasSubstr("\nforget-jobs "));
  EXPECT_THAT(shown, HasSubstr(" -                        every 300s "));
  EXPECT_THAT(shown, HasSubstr(" jobs.forget\n"));
}

}  // namespace
}  // namespace indaba::app
