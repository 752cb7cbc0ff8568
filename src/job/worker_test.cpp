#include "job/test_jobs.hpp"

// What is promised of background work, on both databases.
namespace indaba::job {
namespace {

class WorkerTest : public JobsFixture {
 protected:
  std::atomic<int> runs_{0};
  Waits counts() {
    return [this](std::shared_ptr<Running> run) { return count_run(&runs_, std::move(run)); };
  }
  static Task<Result<Done>> count_run(std::atomic<int>* runs, std::shared_ptr<Running> run) {
    ++*runs;
    co_return Done{.result = run->arguments().empty() ? "null" : "\"with arguments\""};
  }
};

INSTANTIATE_TEST_SUITE_P(Each, WorkerTest,
                         testing::ValuesIn(db::present({db::Backend::sqlite, db::Backend::postgres,
                                                        db::Backend::pgbouncer})),
                         db::backend_name);

TEST_P(WorkerTest, what_was_enqueued_runs_and_what_became_of_it_can_be_asked_for) {
  declare("count", counts());
  const auto place = work();
  const auto job = enqueue({.task = "count", .arguments = {{"n", 1}}});
  ASSERT_TRUE(becomes(job.id, State::done));
  const auto kept = find(job.id).value();
  EXPECT_EQ(kept.result, "\"with arguments\"");
  EXPECT_EQ(kept.uuid, job.uuid);
  EXPECT_EQ(kept.progress, 1);
  EXPECT_TRUE(kept.begun_at && kept.ended_at);
  EXPECT_EQ(runs_, 1);
}

TEST_P(WorkerTest, work_of_a_change_that_is_refused_never_runs) {
  declare("count", counts());
  const auto place = work();
  auto change = [this](db::WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(queue_.enqueue(tx, {.task = "count"}));
    return Error(ErrorKind::conflict);
  };
  EXPECT_FALSE(db::write_blocking(*database_, db::Shard(1), change));
  const auto job = enqueue({.task = "count"});
  ASSERT_TRUE(becomes(job.id, State::done));
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(count("jobs"), 1);
}

TEST_P(WorkerTest, one_of_a_key_waits_at_a_time) {
  declare("count", counts());
  const auto first = enqueue({.task = "count", .unique_key = "k"});
  const auto second = enqueue({.task = "count", .unique_key = "k"});
  EXPECT_TRUE(first.fresh);
  EXPECT_FALSE(second.fresh);
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.uuid, first.uuid);
  const auto place = work();
  ASSERT_TRUE(becomes(first.id, State::done));
  EXPECT_TRUE(enqueue({.task = "count", .unique_key = "k"}).fresh);
}

TEST_P(WorkerTest, nothing_runs_before_its_time) {
  std::atomic<std::int64_t> at{0};
  registry_.add({.name = "when", .body = Blocks([&](Running&) -> Result<Done> {
                                   at = to_millis(clock_.wall());
                                   return Done{};
                                 })});
  const auto place = work({.beat = 60s});
  const auto job = enqueue({.task = "when", .delay = 400ms});
  EXPECT_EQ(find(job.id)->state, State::scheduled);
  ASSERT_TRUE(becomes(job.id, State::done));
  EXPECT_GE(at, to_millis(find(job.id)->due_at));
}

TEST_P(WorkerTest, what_comes_too_late_is_not_begun) {
  declare("count", counts());
  const auto job = enqueue({.task = "count", .expires = 50ms});
  std::this_thread::sleep_for(100ms);
  const auto place = work();
  ASSERT_TRUE(becomes(job.id, State::expired));
  EXPECT_EQ(runs_, 0);
}

TEST_P(WorkerTest, the_most_urgent_comes_first) {
  std::vector<std::int64_t> order;
  registry_.add({.name = "order", .body = Blocks([&](Running& run) -> Result<Done> {
                                    order.push_back(run.arguments().at("n").as_int64());
                                    return Done{};
                                  })});
  std::vector<JobId> jobs;
  for (const int n : {9, 0, 5, 3})
    jobs.push_back(enqueue({.task = "order", .arguments = {{"n", n}}, .priority = n}).id);
  const auto place = work({.concurrency = 1});
  for (const auto id : jobs) ASSERT_TRUE(becomes(id, State::done));
  EXPECT_EQ(order, (std::vector<std::int64_t>{0, 3, 5, 9}));
}

TEST_P(WorkerTest, a_failure_is_tried_again_and_at_last_kept_with_its_error) {
  registry_.add({.name = "fails",
                 .body = Blocks([&](Running& run) -> Result<Done> {
                   EXPECT_EQ(run.attempt(), ++runs_);
                   return Error(ErrorKind::unavailable, "disk_full", "The disk is full.");
                 }),
                 .limits = {.retries = 2, .backoff = 20ms}});
  const auto place = work();
  const auto job = enqueue({.task = "fails"});
  ASSERT_TRUE(becomes(job.id, State::failed));
  EXPECT_EQ(runs_, 3);
  EXPECT_EQ(find(job.id)->error_code, "disk_full");
  EXPECT_EQ(find(job.id)->error_message, "The disk is full.");
  runs_ = 0;
  EXPECT_TRUE(write([&](db::WriteTx& tx) { return retry_job(tx, job.id); }));
  place->worker.ring(0ms);
  ASSERT_TRUE(soon([&] { return runs_ == 3; }));
  ASSERT_TRUE(becomes(job.id, State::failed));
}

TEST_P(WorkerTest, an_error_that_would_be_the_same_again_is_final) {
  registry_.add({.name = "wrong", .body = Blocks([&](Running&) -> Result<Done> {
                                    ++runs_;
                                    return Error(ErrorKind::invalid, "There is no such file.");
                                  })});
  registry_.add({.name = "throws",
                 .body = Blocks([&](Running&) -> Result<Done> { throw std::runtime_error("oh"); }),
                 .limits = {.retries = 0}});
  const auto place = work();
  const auto wrong = enqueue({.task = "wrong"});
  const auto throws = enqueue({.task = "throws"});
  ASSERT_TRUE(becomes(wrong.id, State::failed));
  ASSERT_TRUE(becomes(throws.id, State::failed));
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(find(throws.id)->error_message, "Something went wrong.");
  EXPECT_EQ(find(throws.id)->error_log, "threw: oh") << "for the operator";
}

TEST_P(WorkerTest, what_waits_is_cancelled_at_once_and_what_runs_is_asked_to_stop) {
  registry_.add({.name = "lasts", .body = Blocks([&](Running& run) -> Result<Done> {
                                    ++runs_;
                                    while (!run.stopping()) std::this_thread::sleep_for(5ms);
                                    return stopped();
                                  })});
  const auto waits = enqueue({.task = "lasts", .delay = 1h});
  const auto cancel = [&](JobId id) {
    return write([id](db::WriteTx& tx) { return cancel_job(tx, id); });
  };
  EXPECT_EQ(cancel(waits.id), State::cancelled);
  EXPECT_EQ(cancel(waits.id), std::nullopt);
  const auto place = work({.beat = 60s});
  const auto runs = enqueue({.task = "lasts"});
  ASSERT_TRUE(soon([&] { return runs_ == 1; }));
  EXPECT_EQ(cancel(runs.id), State::running);
  place->worker.cancel(runs.id);
  ASSERT_TRUE(becomes(runs.id, State::cancelled));
}

TEST_P(WorkerTest, limits_of_time_ask_first_and_then_give_up) {
  std::atomic<bool> released{false};
  registry_.add({.name = "obeys",
                 .body = Blocks([&](Running& run) -> Result<Done> {
                   while (!run.stopping()) std::this_thread::sleep_for(5ms);
                   return stopped();
                 }),
                 .limits = {.soft = 150ms, .hard = 5s, .retries = 2}});
  registry_.add({.name = "hangs",
                 .body = Blocks([&](Running&) -> Result<Done> {
                   while (!released) std::this_thread::sleep_for(5ms);
                   return Done{.result = "1"};
                 }),
                 .limits = {.soft = 100ms, .hard = 300ms, .retries = 2}});
  declare("count", counts());
  const auto place = work({.concurrency = 1});
  const auto obeys = enqueue({.task = "obeys"});
  ASSERT_TRUE(becomes(obeys.id, State::failed));
  EXPECT_EQ(find(obeys.id)->error_code, "soft_time_limit");
  EXPECT_EQ(find(obeys.id)->failures, 1) << "it would take as long again";
  const auto hangs = enqueue({.task = "hangs"});
  ASSERT_TRUE(becomes(hangs.id, State::failed));
  EXPECT_EQ(find(hangs.id)->error_code, "time_limit");
  const auto next = enqueue({.task = "count"});  // the only place is free again
  EXPECT_TRUE(becomes(next.id, State::done));
  released = true;
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(find(hangs.id)->state, State::failed);
}

TEST_P(WorkerTest, an_effect_is_written_with_the_success_or_not_at_all) {
  const auto note = [](std::string key) {
    return [key](db::WriteTx& tx) {
      return tx.sql().execute("INSERT INTO meta (key, value) VALUES ($1, '')", key);
    };
  };
  registry_.add({.name = "writes",
                 .body = Blocks([&](Running&) -> Result<Done> {
                   return Done{.result = "1", .effect = note("a")};
                 }),
                 .limits = {.retries = 0}});
  const auto place = work();
  const auto first = enqueue({.task = "writes"});
  ASSERT_TRUE(becomes(first.id, State::done));
  EXPECT_EQ(count("meta WHERE key = 'a'"), 1);
  const auto second = enqueue({.task = "writes"});  // the key is there: the effect is refused
  ASSERT_TRUE(becomes(second.id, State::failed));
}

TEST_P(WorkerTest, a_worker_that_leaves_gives_back_what_it_has) {
  std::atomic<bool> released{false};
  registry_.add({.name = "lasts", .body = Blocks([&](Running& run) -> Result<Done> {
                                    ++runs_;
                                    while (!run.stopping() && !released)
                                      std::this_thread::sleep_for(5ms);
                                    if (run.stopping()) return stopped();
                                    return Done{};
                                  })});
  std::vector<JobId> jobs;
  for (int i = 0; i < 5; ++i) jobs.push_back(enqueue({.task = "lasts"}).id);
  auto first = work({.concurrency = 2});
  ASSERT_TRUE(soon([&] { return runs_ == 2; }));
  first.reset();
  for (const auto id : jobs) {
    EXPECT_EQ(find(id)->state, State::ready);
    EXPECT_EQ(find(id)->failures, 0);
  }
  EXPECT_EQ(count("job_workers"), 0);
  released = true;
  const auto second = work();
  for (const auto id : jobs) EXPECT_TRUE(becomes(id, State::done));
}

TEST_P(WorkerTest, what_is_not_kept_is_gone_when_it_has_succeeded) {
  registry_.add({.name = "short", .body = counts(), .kept = 0ms});
  const auto place = work();
  std::vector<Wanted> many(1000, Wanted{.task = "short"});
  write([&](db::WriteTx& tx) { return queue_.enqueue_all(tx, many); });
  ASSERT_TRUE(soon([&] { return count("jobs") == 0; }));
  EXPECT_EQ(runs_, 1000);
}

TEST_P(WorkerTest, whoever_follows_a_job_is_told_its_end_and_its_stream_goes_with_it) {
  declare("count", counts());
  const auto done = enqueue({.task = "count", .arguments = {{"n", 1}}, .followed = true});
  const auto cancelled = enqueue({.task = "count", .delay = 1h, .followed = true});
  EXPECT_EQ(count("streams WHERE kind = 'job'"), 2);
  ASSERT_TRUE(find(done.id)->stream);
  const auto place = work();
  ASSERT_TRUE(becomes(done.id, State::done));
  write([&](db::WriteTx& tx) { return cancel_job(tx, cancelled.id); });
  // Followers are told after the caller was answered.
  const auto told = [&](JobId id, const std::string& body) {
    return soon([&] { return sequencer_.bodies(find(id)->stream) == std::vector{body}; });
  };
  EXPECT_TRUE(told(done.id, ended_body(done.uuid, State::done, "\"with arguments\"", {})));
  EXPECT_TRUE(told(cancelled.id, ended_body(cancelled.uuid, State::cancelled, {}, {})));
  EXPECT_EQ(write([](db::WriteTx& tx) { return purge_jobs(tx, State::done, 10); }), 1);
  EXPECT_EQ(count("streams WHERE kind = 'job'"), 1);
}

TEST_P(WorkerTest, what_nobody_knows_is_tried_again_later) {
  declare("count", counts());
  const auto job = enqueue({.task = "count"});
  write([&](db::WriteTx& tx) {
    return tx.sql().execute("UPDATE jobs SET task = 'of.tomorrow' WHERE id = $1", job.id);
  });
  const auto place = work();
  ASSERT_TRUE(becomes(job.id, State::scheduled));
  EXPECT_EQ(find(job.id)->error_code, "unknown_task");
  EXPECT_EQ(find(job.id)->failures, 0);
  write([&](db::WriteTx& tx) {
    return tx.sql().execute(
        "UPDATE jobs SET state = 'ready', created_at = created_at - 90000000 WHERE id = $1",
        job.id);
  });
  place->worker.ring(0ms);
  EXPECT_TRUE(becomes(job.id, State::failed)) << "no roll-out lasts for a day";
  write([&](db::WriteTx& tx) { return retry_job(tx, job.id); });
  place->worker.ring(0ms);
  EXPECT_TRUE(becomes(job.id, State::scheduled)) << "it is wanted since a moment ago";
}

// -- several workers

class WorkersTest : public JobsFixture {
 protected:
  static Task<Result<Done>> nothing(std::shared_ptr<Running>) { co_return Done{}; }
  std::vector<Claimed> take(Ledger& ledger, int most = 10) {
    return db::run_on(executor_, ledger.claim({{{"default"}, most}})).value().of_wishes.at(0);
  }
  void open(Ledger& ledger) { ASSERT_TRUE(db::run_on(executor_, ledger.open())); }
  db::TestExecutor executor_;
};

INSTANTIATE_TEST_SUITE_P(Each, WorkersTest,
                         testing::ValuesIn(db::present({db::Backend::postgres,
                                                        db::Backend::pgbouncer})),
                         db::backend_name);

TEST_P(WorkersTest, whoever_was_paused_for_too_long_records_nothing) {
  declare("nothing", nothing);
  Ledger paused(*database_, random_, "paused", 200ms);
  Ledger other(*database_, random_, "other", 10s);
  open(paused);
  open(other);
  const auto job = enqueue({.task = "nothing"});
  const auto first = take(paused);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(take(other).empty());
  std::this_thread::sleep_for(250ms);
  ASSERT_TRUE(db::run_on(executor_, other.beat({})));
  const auto second = take(other);
  ASSERT_EQ(second.size(), 1U);
  const Outcome late{.id = first[0].id, .fence = first[0].fence, .kept = 1h};
  EXPECT_EQ(db::run_on(executor_, paused.record({late})).value(), 0);
  const auto effect = [](db::WriteTx& tx) {
    return tx.sql().execute("INSERT INTO meta (key, value) VALUES ('late', '')");
  };
  EXPECT_FALSE(db::run_on(executor_, paused.record_effect(late, effect, db::Shard(1))).value());
  EXPECT_EQ(count("meta WHERE key = 'late'"), 0);
  const auto heard = db::run_on(executor_, paused.beat({first[0].id})).value();
  EXPECT_TRUE(heard.lost.contains(job.id));
  const Outcome good{.id = second[0].id, .fence = second[0].fence, .kept = 1h};
  EXPECT_EQ(db::run_on(executor_, other.record({good})).value(), 1);
  EXPECT_EQ(db::run_on(executor_, other.record({good})).value(), 0);
}

TEST_P(WorkersTest, a_result_counts_for_the_run_alone_that_it_is_of) {
  declare("nothing", nothing);
  Ledger ledger(*database_, random_, "one", 10s);
  open(ledger);
  const auto job = enqueue({.task = "nothing"});
  const auto first = take(ledger).at(0);
  write([&](db::WriteTx& tx) {
    return tx.sql().execute("UPDATE jobs SET state = 'ready', worker = NULL WHERE id = $1", job.id);
  });
  const auto second = take(ledger).at(0);
  EXPECT_GT(second.fence, first.fence);
  using Kind = Outcome::Kind;
  for (const auto kind : {Kind::done, Kind::retry, Kind::failed, Kind::given_back, Kind::postponed})
    for (const auto kept : {Millis(0), Millis(1'000)}) {
      const Outcome late{.kind = kind, .id = job.id, .fence = first.fence, .kept = kept};
      EXPECT_EQ(db::run_on(executor_, ledger.record({late})).value(), 0);
    }
  const auto effect = [](db::WriteTx&) -> Result<void> { return {}; };
  const Outcome gone{.id = job.id, .fence = first.fence};
  EXPECT_FALSE(db::run_on(executor_, ledger.record_effect(gone, effect, db::Shard(1))).value());
  EXPECT_EQ(find(job.id)->state, State::running);
  const Outcome good{.id = job.id, .fence = second.fence};
  EXPECT_EQ(db::run_on(executor_, ledger.record({good})).value(), 1);
  EXPECT_FALSE(find(job.id));
}

TEST_P(WorkersTest, no_job_is_given_to_two) {
  declare("nothing", nothing);
  std::vector<Wanted> many(500, Wanted{.task = "nothing"});
  write([&](db::WriteTx& tx) { return queue_.enqueue_all(tx, many); });
  std::vector<std::future<std::vector<JobId>>> takers;
  for (int n = 0; n < 4; ++n)
    takers.push_back(std::async(std::launch::async, [this] {
      Ledger ledger(*database_, random_, "one", 10s);
      db::TestExecutor executor;
      std::vector<JobId> mine;
      for (;;) {
        const auto some =
            db::run_on(executor, ledger.claim({{{"default"}, 7}})).value().of_wishes.at(0);
        if (some.empty()) return mine;
        for (const auto& claimed : some) mine.push_back(claimed.id);
      }
    }));
  std::set<JobId> all;
  std::size_t taken = 0;
  for (auto& taker : takers) {
    const auto mine = taker.get();
    taken += mine.size();
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(taken, 500U);
  EXPECT_EQ(all.size(), 500U);
}

TEST_P(WorkersTest, what_was_handed_out_in_a_commit_whose_answer_was_lost_comes_back) {
  declare("nothing", nothing);
  Ledger ledger(*database_, random_, "one", 10s);
  open(ledger);
  const auto job = enqueue({.task = "nothing"});
  ASSERT_EQ(take(ledger).size(), 1U);
  ASSERT_TRUE(db::run_on(executor_, ledger.beat({})));
  EXPECT_EQ(find(job.id)->state, State::ready);
}

}  // namespace
}  // namespace indaba::job
