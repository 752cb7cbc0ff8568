#include "job/schedule.hpp"

#include "job/scheduler.hpp"
#include "job/test_jobs.hpp"

#include <thread>

// What is promised of the schedule, on both databases. Time passes here by making older what is
// kept: the database's clock is nobody's to move.
namespace indaba::job {
namespace {

constexpr Millis kLease = Schedule::kLongest + Schedule::kLease;

class ScheduleTest : public JobsFixture {
 protected:
  void SetUp() override {
    JobsFixture::SetUp();
    if (!database_) return;
    declare("tick", Blocks([](Running&) -> Result<Done> { return Done{}; }));
    declare("tock", Blocks([](Running&) -> Result<Done> { return Done{}; }));
  }

  static Entry every(std::string name, Millis interval) {
    return {.name = std::move(name), .timing = Every{interval}, .wanted = {.task = "tick"}};
  }
  static Entry at(std::string name, std::string_view crontab, std::string_view zone = "UTC") {
    return {.name = std::move(name),
            .timing = At{Crontab::parse(crontab).value(), TimeZone::find(zone).value()},
            .wanted = {.task = "tick"}};
  }
  Schedule schedule(std::vector<Entry> entries, std::string holder = "one") {
    return {std::move(entries), queue_, std::move(holder)};
  }
  Schedule::Look look(const Schedule& schedule) {
    return write([&](db::WriteTx& tx) { return schedule.look(tx); });
  }
  Millis peek(const Schedule& schedule) {
    return read([&](db::Session& session) { return schedule.peek(session); });
  }
  std::vector<Scheduled> list() {
    return read([](db::Session& session) { return list_schedule(session); });
  }
  void pass(Millis time) {
    write([time](db::WriteTx& tx) -> Result<void> {
      INDABA_TRY_VOID(tx.sql().execute("UPDATE job_schedule SET last_slot = last_slot - $1",
                                       std::int64_t{time.count()}));
      return tx.sql().execute("UPDATE leases SET ends_at = ends_at - $1",
                              std::int64_t{time.count()});
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Each, ScheduleTest,
                         testing::ValuesIn(db::present({db::Backend::sqlite, db::Backend::postgres,
                                                        db::Backend::pgbouncer})),
                         db::backend_name);

TEST_P(ScheduleTest, the_first_slot_is_an_interval_after_the_entry_is_first_seen) {
  const auto one = schedule({every("five-minutely", 300s)});
  const auto first = look(one);
  EXPECT_TRUE(first.leads);
  EXPECT_TRUE(first.fired.empty());
  pass(299s);
  EXPECT_TRUE(look(one).fired.empty());
  pass(1s);
  const auto second = look(one);
  ASSERT_EQ(second.fired.size(), 1U);
  EXPECT_EQ(second.fired.front().entry, "five-minutely");
  EXPECT_TRUE(look(one).fired.empty());
  EXPECT_EQ(count("jobs WHERE task = 'tick' AND unique_key LIKE 'five-minutely@%'"), 1);
}

TEST_P(ScheduleTest, intervals_do_not_drift) {
  const auto one = schedule({every("minutely", 60s)});
  look(one);
  pass(60s + 900ms);
  const auto late = look(one);
  ASSERT_EQ(late.fired.size(), 1U);
  EXPECT_EQ(list().front().next, late.fired.front().slot + 60s);
  EXPECT_LE(late.wait, Millis(30s));
}

TEST_P(ScheduleTest, what_was_missed_while_everything_was_down_fires_once_and_it_is_the_newest) {
  const auto one = schedule({every("minutely", 60s), at("cron", "* * * * *")});
  look(one);
  pass(3600s);
  const auto after = look(one);
  ASSERT_EQ(after.fired.size(), 2U);
  EXPECT_EQ(count("jobs"), 2);
  for (const auto& entry : list()) {
    EXPECT_GT(entry.next, *entry.last);
    EXPECT_EQ(entry.next - *entry.last, 60s) << "the newest that was missed";
  }
  EXPECT_TRUE(look(one).fired.empty());
}

TEST_P(ScheduleTest, slots_that_pass_while_the_lease_goes_to_another_process_fire_each) {
  const auto one = schedule({every("secondly", 1s)});
  const auto two = schedule({every("secondly", 1s)}, "two");
  look(one);
  // The lease lasts until 6 s after the next slot; nobody was heard of for 3 s more.
  pass(1s + Schedule::kLease + 3s);
  const auto taken = look(two);
  EXPECT_TRUE(taken.leads);
  ASSERT_EQ(taken.fired.size(), 10U);
  for (std::size_t i = 1; i < taken.fired.size(); ++i)
    EXPECT_EQ(taken.fired[i].slot - taken.fired[i - 1].slot, 1s);
}

TEST_P(ScheduleTest, one_process_leads_and_another_takes_over_when_it_is_not_heard_of) {
  const auto one = schedule({every("secondly", 1s)});
  const auto two = schedule({every("secondly", 1s)}, "two");
  look(one);
  if (!place_.many_nodes()) {
    EXPECT_TRUE(look(two).leads) << "the embedded database has one process";
    return;
  }
  EXPECT_GT(peek(two), 5s);
  EXPECT_LE(peek(two), 7s);
  EXPECT_EQ(peek(one), 0s);
  const auto refused = look(two);
  EXPECT_FALSE(refused.leads);
  EXPECT_GT(refused.wait, 5s);
  pass(7s + 1ms);
  EXPECT_EQ(peek(two), 0s);
  EXPECT_TRUE(look(two).leads);
  EXPECT_FALSE(look(one).leads) << "it was paused for too long";
  EXPECT_EQ(count("jobs"), 7);
}

TEST_P(ScheduleTest, who_resigns_keeps_nobody_waiting) {
  const auto one = schedule({every("minutely", 60s)});
  const auto two = schedule({every("minutely", 60s)}, "two");
  look(one);
  write([&](db::WriteTx& tx) { return two.resign(tx); });
  EXPECT_EQ(look(two).leads, !place_.many_nodes()) << "it was not its to give back";
  look(one);
  write([&](db::WriteTx& tx) { return one.resign(tx); });
  EXPECT_EQ(peek(two), 0s);
  EXPECT_TRUE(look(two).leads);
}

TEST_P(ScheduleTest, who_slept_through_a_resignation_misses_no_slot) {
  const auto one = schedule({every("entry", 10s)});
  const auto two = schedule({every("entry", 10s)}, "two");
  look(one);
  write([&](db::WriteTx& tx) { return one.resign(tx); });
  pass(10s + Schedule::kLease + 5s);
  EXPECT_EQ(look(two).fired.size(), 2U);
}

TEST_P(ScheduleTest, a_slot_fires_once_though_many_look_at_once) {
  constexpr int kLooking = 4;
  std::vector<std::unique_ptr<db::CountingSequencer>> sequencers;
  std::vector<std::unique_ptr<db::Database>> databases;
  std::vector<Schedule> schedules;
  for (int i = 0; i < kLooking; ++i) {
    schedules.push_back(schedule({every("hourly", 3600s)}, fmt::format("process {}", i)));
    if (!place_.many_nodes()) continue;
    sequencers.push_back(std::make_unique<db::CountingSequencer>());
    databases.push_back(place_.open(*sequencers.back(), clock_));
  }
  look(schedules.front());
  for (int round = 0; round < 5; ++round) {
    pass(3600s);
    std::vector<std::jthread> threads;
    std::atomic<int> fired{0};
    for (int i = 0; i < kLooking; ++i) {
      auto& database = databases.empty() ? *database_ : *databases[static_cast<std::size_t>(i)];
      threads.emplace_back([&, i] {
        auto change = [&, i](db::WriteTx& tx) {
          return schedules[static_cast<std::size_t>(i)].look(tx);
        };
        const auto seen = db::write_blocking(database, Schedule::shard(), change);
        if (seen) fired += static_cast<int>(seen->value.fired.size());
      });
    }
    threads.clear();
    EXPECT_EQ(fired, 1);
    EXPECT_EQ(count("jobs"), 1);
    write([](db::WriteTx& tx) { return tx.sql().execute("DELETE FROM jobs"); });
  }
  for (const auto& database : databases) database->stop();
}

TEST_P(ScheduleTest, two_that_read_the_same_slot_do_not_both_fire_it) {
  if (!place_.many_nodes()) GTEST_SKIP() << "there is one writer";
  const auto one = schedule({every("hourly", 3600s)});
  look(one);
  pass(3600s);
  // Between its reading and its writing, somebody else fires; not even the shard's lock is there.
  auto change = [&](db::WriteTx& tx) -> Result<Schedule::Look> {
    static_cast<void>(write([&](db::WriteTx& other) { return one.look(other); }));
    return one.look(tx);
  };
  static_cast<void>(db::write_blocking(*database_, db::Shard(2), change));
  EXPECT_EQ(count("jobs"), 1);
}

TEST_P(ScheduleTest, a_change_that_is_refused_fires_nothing_and_the_slot_comes_again) {
  const auto one = schedule({every("hourly", 3600s)});
  look(one);
  pass(3600s);
  auto change = [&](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(one.look(tx));
    return Error(ErrorKind::unavailable);
  };
  EXPECT_FALSE(db::write_blocking(*database_, Schedule::shard(), change));
  EXPECT_EQ(count("jobs"), 0);
  EXPECT_EQ(look(one).fired.size(), 1U);
}

TEST_P(ScheduleTest, a_slot_that_fired_does_not_fire_again_when_its_job_is_gone) {
  const auto one = schedule({every("hourly", 3600s)});
  look(one);
  pass(3600s);
  EXPECT_EQ(look(one).fired.size(), 1U);
  write([](db::WriteTx& tx) { return tx.sql().execute("DELETE FROM jobs"); });
  EXPECT_TRUE(look(schedule({every("hourly", 3600s)})).fired.empty());
}

TEST_P(ScheduleTest, another_interval_takes_effect_from_the_last_slot_on) {
  look(schedule({every("entry", 86'400s)}));
  pass(300s);
  const auto seen = list().front();
  const auto shorter = schedule({every("entry", 3600s)});
  EXPECT_TRUE(look(shorter).fired.empty());
  EXPECT_NEAR(static_cast<double>((list().front().next - seen.next).count()),
              static_cast<double>(Millis(3300s - 86'400s).count()), 5000);
  EXPECT_EQ(list().front().timing, "every 3600s");
  // One that would have come long ago comes now, and once.
  EXPECT_EQ(look(schedule({every("entry", 10s)})).fired.size(), 1U);
}

TEST_P(ScheduleTest, another_crontab_missed_nothing_before_it_was_there) {
  look(schedule({every("entry", 60s)}));
  pass(86'400s * 2);
  EXPECT_TRUE(look(schedule({at("entry", "* * * * *")})).fired.empty());
  EXPECT_EQ(list().front().timing, "* * * * * UTC");
  pass(60s);
  EXPECT_EQ(look(schedule({at("entry", "* * * * *")})).fired.size(), 1U);
  EXPECT_TRUE(look(schedule({at("entry", "* * * * *", "Asia/Tokyo")})).fired.empty());
  EXPECT_EQ(list().front().timing, "* * * * * Asia/Tokyo");
}

TEST_P(ScheduleTest, an_entry_that_is_gone_is_dropped_and_seen_anew_when_it_comes_back) {
  const std::vector<Entry> both{every("a", 60s), every("b", 60s)};
  look(schedule(both));
  EXPECT_EQ(list().size(), 2U);
  look(schedule({every("a", 60s)}));
  ASSERT_EQ(list().size(), 1U);
  EXPECT_EQ(list().front().name, "a");
  pass(90s);
  EXPECT_EQ(look(schedule(both)).fired.size(), 1U);
}

TEST_P(ScheduleTest, work_is_enqueued_as_the_entry_says) {
  auto entry = every("entry", 60s);
  entry.wanted = {.task = "tock", .arguments = {{"days", 30}}, .priority = 7, .queue = "slow"};
  look(schedule({entry}));
  pass(60s);
  const auto fired = look(schedule({entry})).fired;
  ASSERT_EQ(fired.size(), 1U);
  const auto job =
      read([&](db::Session& session) { return find_job(session, fired.front().job); }).value();
  EXPECT_EQ(job.task, "tock");
  EXPECT_EQ(job.arguments, R"({"days":30})");
  EXPECT_EQ(job.priority, 7);
  EXPECT_EQ(job.queue, "slow");
  EXPECT_EQ(job.state, State::ready);
  EXPECT_GE(job.created_at, fired.front().slot);
  const auto listed = list().front();
  EXPECT_EQ(listed.task, "tock");
  EXPECT_EQ(listed.arguments, R"({"days":30})");
  EXPECT_EQ(listed.last, fired.front().slot);
  EXPECT_EQ(listed.job, fired.front().job);
  EXPECT_TRUE(listed.fired_at);
}

TEST_P(ScheduleTest, what_has_never_fired_has_no_last_time) {
  look(schedule({at("nightly", "0 4 * * *", "Africa/Johannesburg")}));
  const auto entry = list().front();
  EXPECT_EQ(entry.timing, "0 4 * * * Africa/Johannesburg");
  EXPECT_FALSE(entry.last || entry.fired_at);
  EXPECT_EQ(to_rfc3339(entry.next).substr(10), "T02:00:00.000Z");
}

TEST_P(ScheduleTest, nothing_is_asked_for_half_a_minute_while_nothing_is_due) {
  const auto one = schedule({every("daily", 86'400s)});
  EXPECT_EQ(look(one).wait, Schedule::kLongest);
  if (!place_.many_nodes()) return;
  EXPECT_GT(peek(schedule({}, "two")), kLease - 5s);
  EXPECT_EQ(look(schedule({}, "two")).leads, false);
}

TEST_P(ScheduleTest, a_clock_of_the_database_that_is_put_back_stops_no_interval) {
  const auto one = schedule({every("minutely", 60s)});
  look(one);
  pass(-86'400s);  // what is kept is of tomorrow
  EXPECT_TRUE(look(schedule({every("minutely", 60s)}, "two")).leads)
      << "no lease is that long: nobody waits for its end";
  pass(60s);
  EXPECT_EQ(look(schedule({every("minutely", 60s)}, "two")).fired.size(), 1U);
}

TEST_P(ScheduleTest, a_clock_that_was_ahead_for_long_stops_no_crontab) {
  const auto entries = std::vector{at("minutely", "* * * * *")};
  look(schedule(entries));
  pass(-86'400s * 30);
  EXPECT_TRUE(look(schedule(entries, "two")).leads);
  pass(60s);
  EXPECT_EQ(look(schedule(entries, "two")).fired.size(), 1U);
}

TEST_P(ScheduleTest, schedulers_fire_every_slot_and_the_next_goes_on_where_one_stopped) {
  db::CountingSequencer sequencer;
  const auto second = place_.many_nodes() ? place_.open(sequencer, clock_) : nullptr;
  auto& other = second ? *second : *database_;
  const auto make = [&](db::Database& database, Executor& executor) {
    return std::make_unique<Scheduler>(
        Scheduler::Parts{database, queue_, clock_, random_, log_, executor},
        std::vector<Entry>{every("secondly", 1s), at("cron", "* * * * *")});
  };
  {
    db::TestExecutor executors[2];
    const auto one = make(*database_, executors[0]);
    one->start();
    ASSERT_TRUE(soon([&] { return one->fired() >= 2; }));
    EXPECT_TRUE(one->leading());
    const auto two = make(other, executors[1]);
    if (place_.many_nodes()) {
      two->start();
      std::this_thread::sleep_for(50ms);
      EXPECT_FALSE(two->leading());
    }
    one->stop_blocking();
    EXPECT_FALSE(one->leading());
    const auto so_far = one->fired();
    place_.many_nodes() ? two->ring() : two->start();
    ASSERT_TRUE(soon([&] { return two->fired() >= 2; }));
    EXPECT_EQ(one->fired(), so_far);
    two->stop_blocking();
  }
  const auto fired = read([](db::Session& session) {
    return session.all<std::pair<WallTime, WallTime>>(
        "SELECT unique_key, created_at FROM jobs WHERE unique_key LIKE 'secondly@%' ORDER BY id",
        [](const db::Row& r) {
          return std::pair(*parse_rfc3339(r.text(0).substr(9)), from_millis(r.int64(1)));
        });
  });
  ASSERT_GE(fired.size(), 3U);
  for (std::size_t i = 1; i < fired.size(); ++i)
    EXPECT_EQ(fired[i].first - fired[i - 1].first, 1s) << "none is left out, none is there twice";
  for (const auto& [slot, created] : fired) EXPECT_GE(created, slot) << "not before its time";
  if (second) second->stop();
}

}  // namespace
}  // namespace indaba::job
