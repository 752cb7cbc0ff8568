#include "job/test_jobs.hpp"

// What becomes of jobs where something goes wrong around them, on both databases.
namespace indaba::job {
namespace {

class WorkerFaultsTest : public JobsFixture {
 protected:
  template <class... Args>
  void sql(std::string_view text, const Args&... args) {
    write([&](db::WriteTx& tx) { return tx.sql().execute(text, args...); });
  }
  static Task<Result<Done>> last(Millis how_long, std::string key) {
    co_await sleep_for{how_long};
    Done done;
    done.effect = [key](db::WriteTx& tx) {
      return tx.sql().execute("INSERT INTO meta (key, value) VALUES ($1, '')", key);
    };
    co_return done;
  }
};

INSTANTIATE_TEST_SUITE_P(Each, WorkerFaultsTest,
                         testing::ValuesIn(db::present({db::Backend::sqlite, db::Backend::postgres,
                                                        db::Backend::pgbouncer})),
                         db::backend_name);

TEST_P(WorkerFaultsTest, one_that_was_lost_and_comes_back_to_the_same_worker_runs_once_more) {
  std::atomic<int> runs{0};
  registry_.add({.name = "lasts", .body = Waits([&](std::shared_ptr<Running>) {
                                    const int run = ++runs;
                                    return last(run == 1 ? 400ms : 700ms,
                                                fmt::format("effect {}", run));
                                  })});
  const auto place = work({.beat = 100ms});
  const auto job = enqueue({.task = "lasts"});
  ASSERT_TRUE(soon([&] { return runs == 1; }));
  // As others do to one that they have not heard of for a lease.
  sql("UPDATE jobs SET state = 'ready', worker = NULL WHERE id = $1", job.id);
  place->worker.ring(0ms);
  ASSERT_TRUE(becomes(job.id, State::done));
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count("meta WHERE key LIKE 'effect %'"), 1);
  EXPECT_EQ(place->worker.running(), 0);
}

TEST_P(WorkerFaultsTest, a_cancellation_outlives_the_worker_that_was_to_hear_of_it) {
  std::atomic<int> runs{0};
  declare("count", Blocks([&](Running&) -> Result<Done> {
            ++runs;
            return Done{};
          }));
  const auto job = enqueue({.task = "count", .followed = true});
  sql("UPDATE jobs SET cancelling = 1 WHERE id = $1", job.id);
  const auto place = work();
  ASSERT_TRUE(becomes(job.id, State::cancelled));
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(sequencer_.bodies(find(job.id)->stream).size(), 1U);
  EXPECT_EQ(count("jobs WHERE forget_at - ended_at = 3600000"), 1);
}

TEST_P(WorkerFaultsTest, what_a_lost_worker_had_is_written_down_before_it_runs_again) {
  std::atomic<int> suspected{-1};
  declare("looks", Blocks([&](Running&) -> Result<Done> {
            suspected = static_cast<int>(count("jobs WHERE suspected = 2"));
            return Done{};
          }));
  const auto job = enqueue({.task = "looks"});
  sql("UPDATE jobs SET state = 'running', worker = 1, fence = 1 WHERE id = $1", job.id);
  const auto place = work({.beat = 100ms});
  ASSERT_TRUE(becomes(job.id, State::done));
  EXPECT_EQ(suspected, 1);
}

TEST_P(WorkerFaultsTest, what_ended_ten_workers_one_after_the_other_fails_for_good) {
  std::atomic<int> runs{0};
  declare("ends the process", Blocks([&](Running&) -> Result<Done> {
            ++runs;
            return Error(ErrorKind::unavailable, "busy", "Not now.");
          }),
          {.retries = 1, .backoff = 1ms});
  const auto one = enqueue({.task = "ends the process"});
  const auto other = enqueue({.task = "ends the process"});
  sql("UPDATE jobs SET suspected = CASE WHEN id = $1 THEN 11 ELSE 10 END", one.id);
  const auto place = work();
  ASSERT_TRUE(becomes(one.id, State::failed));
  EXPECT_EQ(find(one.id)->error_code, "worker_lost");
  ASSERT_TRUE(becomes(other.id, State::failed));
  EXPECT_EQ(find(other.id)->error_code, "busy") << "a run that came to an end is above suspicion";
  EXPECT_EQ(runs, 2);
  write([&](db::WriteTx& tx) { return retry_job(tx, one.id); });
  place->worker.ring(0ms);
  ASSERT_TRUE(soon([&] { return runs == 4; })) << "by hand it is run once more";
}

TEST_P(WorkerFaultsTest, what_comes_due_in_a_queue_of_others_holds_up_nobody) {
  declare("quick", Waits([](std::shared_ptr<Running>) -> Task<Result<Done>> { co_return Done{}; }));
  Wanted theirs{.task = "quick", .delay = 1ms};
  theirs.queue = "of nobody";
  const std::vector<Wanted> many(5000, theirs);
  write([&](db::WriteTx& tx) { return queue_.enqueue_all(tx, many); });
  const auto behind = enqueue({.task = "quick", .delay = 2ms});
  std::this_thread::sleep_for(10ms);
  const auto place = work({.beat = 60s});
  EXPECT_TRUE(becomes(behind.id, State::done));
}

TEST_P(WorkerFaultsTest, one_that_is_cancelled_while_it_fails_tells_its_end) {
  std::atomic<bool> goes_on{false};
  declare("fails", Blocks([&](Running&) -> Result<Done> {
            while (!goes_on) std::this_thread::sleep_for(5ms);
            return Error(ErrorKind::unavailable, "disk_full", "The disk is full.");
          }));
  const auto place = work({.beat = 60s});
  const auto job = enqueue({.task = "fails", .followed = true});
  ASSERT_TRUE(becomes(job.id, State::running));
  write([&](db::WriteTx& tx) { return cancel_job(tx, job.id); });  // the word does not come
  goes_on = true;
  ASSERT_TRUE(becomes(job.id, State::cancelled));
  ASSERT_TRUE(soon([&] { return !sequencer_.bodies(find(job.id)->stream).empty(); }));
  EXPECT_THAT(sequencer_.bodies(find(job.id)->stream).back(),
              testing::HasSubstr(R"("status":"cancelled")"));
}

TEST_P(WorkerFaultsTest, what_waits_in_hand_until_it_is_too_late_is_not_begun) {
  std::atomic<int> runs{0};
  declare("lasts", Blocks([&](Running&) -> Result<Done> {
            ++runs;
            std::this_thread::sleep_for(600ms);
            return Done{};
          }));
  const auto before = enqueue({.task = "lasts"});
  const auto late = enqueue({.task = "lasts", .expires = 400ms});
  const auto place = work({.concurrency = 1});
  ASSERT_TRUE(becomes(late.id, State::expired));
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(becomes(before.id, State::done));
}

TEST_P(WorkerFaultsTest, what_went_wrong_inside_is_told_to_the_operator_alone) {
  registry_.add({.name = "wrong",
                 .body = Blocks([](Running&) -> Result<Done> {
                   return Error::internal("no such table: secrets");
                 }),
                 .limits = {.retries = 0}});
  const auto place = work();
  const auto job = enqueue({.task = "wrong", .followed = true});
  ASSERT_TRUE(becomes(job.id, State::failed));
  const auto kept = find(job.id).value();
  EXPECT_EQ(kept.error_message, "Something went wrong.");
  EXPECT_EQ(kept.error_log, "no such table: secrets");
  ASSERT_TRUE(soon([&] { return !sequencer_.bodies(kept.stream).empty(); }));
  EXPECT_THAT(sequencer_.bodies(kept.stream).back(), testing::Not(testing::HasSubstr("secrets")));
}

TEST_P(WorkerFaultsTest, a_result_that_cannot_be_kept_fails_its_job_for_good) {
  std::atomic<int> runs{0};
  declare("large", Blocks([&](Running&) -> Result<Done> {
            ++runs;
            return Done{.result = '"' + std::string(70'000, 'x') + '"'};
          }));
  declare("zero", Blocks([&](Running&) -> Result<Done> {
            ++runs;
            return Done{.result = std::string("\"\0\"", 3)};
          }));
  const auto place = work({.beat = 100ms});
  const auto large = enqueue({.task = "large"});
  ASSERT_TRUE(becomes(large.id, State::failed));
  EXPECT_EQ(find(large.id)->error_code, "result_too_large");
  EXPECT_EQ(runs, 1);
  if (!place_.many_nodes()) return;  // SQLite keeps any text
  const auto zero = enqueue({.task = "zero"});
  ASSERT_TRUE(becomes(zero.id, State::failed));
  EXPECT_EQ(find(zero.id)->error_code, "unrecordable");
  EXPECT_EQ(runs, 2);
}

TEST_P(WorkerFaultsTest, what_one_has_no_slot_for_is_run_by_another) {
  std::atomic<bool> released{false};
  declare("hangs", Blocks([&](Running&) -> Result<Done> {
            while (!released) std::this_thread::sleep_for(5ms);
            return Done{};
          }));
  declare("quick", Blocks([](Running&) -> Result<Done> { return Done{}; }));
  {
    const auto first = work({.concurrency = 1, .prefetch = 4});
    const auto hangs = enqueue({.task = "hangs"});
    ASSERT_TRUE(becomes(hangs.id, State::running));
    const auto quick = enqueue({.task = "quick"});
    ASSERT_TRUE(becomes(quick.id, State::running)) << "in hand, behind it";
    EXPECT_TRUE(becomes(quick.id, State::ready)) << "it goes back";
    released = true;
    EXPECT_TRUE(becomes(quick.id, State::done));
  }
}

TEST_P(WorkerFaultsTest, what_lasts_does_not_hold_up_what_is_short) {
  std::atomic<bool> released{false};
  registry_.add({.name = "export",
                 .body = Blocks([&](Running&) -> Result<Done> {
                   while (!released) std::this_thread::sleep_for(5ms);
                   return Done{};
                 }),
                 .queue = std::string(kLongQueue)});
  declare("quick", Blocks([](Running&) -> Result<Done> { return Done{}; }));
  const auto place = work(
      {.queues = {"default", std::string(kLongQueue)}, .concurrency = 2, .long_concurrency = 1});
  std::vector<JobId> exports;
  for (int i = 0; i < 3; ++i) exports.push_back(enqueue({.task = "export"}).id);
  ASSERT_TRUE(becomes(exports[0], State::running));
  EXPECT_TRUE(becomes(enqueue({.task = "quick"}).id, State::done));
  EXPECT_EQ(find(exports[1])->state, State::ready) << "it is left to whoever has a slot";
  released = true;
  for (const auto id : exports) EXPECT_TRUE(becomes(id, State::done));
}

}  // namespace
}  // namespace indaba::job
