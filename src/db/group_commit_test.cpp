#include "db/group_commit.hpp"

#include "db/test_database.hpp"

namespace indaba::db {
namespace {

// A change that a test writes as a lambda, and whose end is noted.
class Scripted final : public Change {
 public:
  using Apply = std::function<Result<void>(WriteTx&)>;
  Scripted(std::string name, std::vector<std::string>& trace, Apply apply)
      : name_(std::move(name)), trace_(trace), apply_(std::move(apply)) {}
  Result<void> apply(WriteTx& tx) override { return apply_(tx); }
  void finish(Result<std::vector<Appended>> outcome) override {
    trace_.push_back(
        name_ + (outcome ? " stored" : " refused: " + std::string(outcome.error().code_or_slug())));
  }

 private:
  std::string name_;
  std::vector<std::string>& trace_;
  Apply apply_;
};

class GroupCommitTest : public testing::Test {
 protected:
  GroupCommitTest()
      : connection_(*SqliteConnection::open(folder_.path() / "test.db",
                                            SqliteConnection::Access::read_write)),
        group_commit_(*connection_, sequencer_, stats_) {
    EXPECT_TRUE(connection_->script("CREATE TABLE items (name text PRIMARY KEY)"));
  }

  void add(std::string name, Scripted::Apply apply) {
    changes_.push_back(
        std::make_unique<Scripted>(std::move(name), sequencer_.trace, std::move(apply)));
  }
  static Scripted::Apply insert(std::string item, std::string event = "") {
    return [item, event](WriteTx& tx) -> Result<void> {
      INDABA_TRY_VOID(tx.sql().execute("INSERT INTO items (name) VALUES ($1)", item));
      if (!event.empty()) tx.append({StreamId(1), event, "", ""});
      return {};
    };
  }
  std::vector<std::string> items() {
    return *connection_->all<std::string>("SELECT name FROM items ORDER BY name",
                                          [](const Row& r) { return r.string(0); });
  }
  using Strings = std::vector<std::string>;

  TemporaryFolder folder_;
  std::unique_ptr<SqliteConnection> connection_;
  CountingSequencer sequencer_;
  WriterStats stats_;
  GroupCommit group_commit_;
  std::vector<std::unique_ptr<Change>> changes_;
};

TEST_F(GroupCommitTest, all_changes_are_answered_in_order_and_before_the_events_are_handed_on) {
  add("a", insert("1", "first"));
  add("b", insert("2"));
  add("c", insert("3", "second"));
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace,
            (Strings{"a stored", "b stored", "c stored", "committed first", "committed second"}));
  EXPECT_EQ(items(), (Strings{"1", "2", "3"}));
  EXPECT_EQ(stats_.commit_seconds.total(), 1U);
  EXPECT_EQ(stats_.changes_committed, 3U);
}

TEST_F(GroupCommitTest, what_has_committed_is_noted_before_anybody_is_answered) {
  sequencer_.traces_settled = true;
  add("a", insert("1", "first"));
  add("b", insert("1", "refused with its change"));
  add("c", insert("2", "again"));
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace, (Strings{"settled first", "a stored", "b refused: conflict",
                                       "c stored", "committed first"}));
}

TEST_F(GroupCommitTest, a_change_that_fails_before_it_wrote_does_not_disturb_the_group) {
  add("a", insert("1"));
  add("b", insert("1"));  // the statement itself fails, and takes nothing with it
  add("c", [](WriteTx& tx) -> Result<void> {
    tx.append({StreamId(1), "never", "", ""});
    return Error(ErrorKind::forbidden);
  });
  add("d", insert("2"));
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace,
            (Strings{"a stored", "b refused: conflict", "c refused: forbidden", "d stored"}));
  EXPECT_EQ(stats_.groups_run_again, 0U);
  EXPECT_EQ(stats_.commit_seconds.total(), 1U);
}

TEST_F(GroupCommitTest,
       a_change_that_fails_after_it_wrote_is_the_only_one_refused_and_the_order_stays) {
  add("a", insert("1", "one"));
  add("b", [](WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(tx.sql().execute("INSERT INTO items (name) VALUES ('half')"));
    return Error(ErrorKind::invalid);
  });
  add("c", insert("2", "two"));
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace, (Strings{"a stored", "committed one", "b refused: invalid",
                                       "c stored", "committed two"}));
  EXPECT_EQ(items(), (Strings{"1", "2"}));
  EXPECT_EQ(stats_.groups_run_again, 1U);
}

TEST_F(GroupCommitTest, a_refusal_that_rested_on_rows_rolled_back_later_is_decided_again) {
  add("a", insert("name", "refuse"));  // the sequencer will refuse it, at the end of the group
  add("b", insert("name"));            // a conflict with a, as long as a is there
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace, (Strings{"a refused: conflict", "b stored"}));
  EXPECT_EQ(items(), Strings{"name"});
}

TEST_F(GroupCommitTest, a_change_that_throws_is_an_internal_error_of_its_own) {
  add("a", insert("1"));
  add("b", [](WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(tx.sql().execute("INSERT INTO items (name) VALUES ('half')"));
    throw std::runtime_error("oops");
  });
  add("c", insert("2"));
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace, (Strings{"a stored", "b refused: internal", "c stored"}));
  EXPECT_EQ(items(), (Strings{"1", "2"}));
}

TEST_F(GroupCommitTest, sequenced_work_sees_the_numbers_and_its_failure_refuses_its_change_alone) {
  std::int64_t seen = 0;
  add("a", [&](WriteTx& tx) -> Result<void> {
    tx.append({StreamId(1), "kept", "", ""});
    tx.when_sequenced([&](Session& session, std::span<const Appended> events) -> Result<void> {
      seen = events[0].seq.value;
      return session.execute("INSERT INTO items (name) VALUES ('response')");
    });
    return {};
  });
  add("b", [](WriteTx& tx) -> Result<void> {
    tx.when_sequenced([](Session&, std::span<const Appended>) -> Result<void> {
      return Error(ErrorKind::invalid);
    });
    return {};
  });
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace, (Strings{"a stored", "committed kept", "b refused: invalid"}));
  EXPECT_EQ(items(), Strings{"response"});
  EXPECT_GT(seen, 0);
}

TEST_F(GroupCommitTest,
       last_work_comes_behind_all_changes_and_its_failure_refuses_its_change_alone) {
  add("first", [](WriteTx& tx) -> Result<void> {
    tx.at_end([](Session& session) {
      return session.execute("INSERT INTO items (name) SELECT 'first of ' || count(*) FROM items");
    });
    return tx.sql().execute("INSERT INTO items (name) VALUES ('first')");
  });
  add("guilty", [](WriteTx& tx) -> Result<void> {
    tx.at_end([](Session&) -> Result<void> { return Error(ErrorKind::conflict); });
    return tx.sql().execute("INSERT INTO items (name) VALUES ('guilty')");
  });
  add("third", insert("third"));
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace,
            (Strings{"first stored", "guilty refused: conflict", "third stored"}));
  EXPECT_EQ(items(), (Strings{"first", "first of 1", "third"}));

  changes_.clear();
  add("a", [](WriteTx& tx) -> Result<void> {
    tx.at_end([](Session& session) {
      return session.execute("INSERT INTO items (name) SELECT 'behind ' || count(*) FROM items");
    });
    return {};
  });
  add("b", insert("b"));
  group_commit_.run(changes_);
  EXPECT_EQ(items().front(), "b");
  EXPECT_EQ(items()[1], "behind 4");
}

TEST_F(GroupCommitTest, what_is_to_be_told_after_the_commit_is_told_before_anybody_is_answered) {
  const auto tell = [this](std::string word) {
    return [this, word](WriteTx& tx) -> Result<void> {
      tx.after_commit([this, word] { sequencer_.trace.push_back("told " + word); });
      return tx.sql().execute("INSERT INTO items (name) VALUES ($1)", word);
    };
  };
  add("a", tell("one"));
  add("b", tell("one"));  // its row is there already: it wrote nothing, and tells nothing
  add("c", tell("two"));
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace,
            (Strings{"told one", "told two", "a stored", "b refused: conflict", "c stored"}));
}

TEST_F(GroupCommitTest, a_group_that_runs_again_tells_once) {
  add("a", [this](WriteTx& tx) -> Result<void> {
    tx.after_commit([this] { sequencer_.trace.push_back("told"); });
    return tx.sql().execute("INSERT INTO items (name) VALUES ('a')");
  });
  add("guilty", [](WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(tx.sql().execute("INSERT INTO items (name) VALUES ('guilty')"));
    return Error(ErrorKind::forbidden);
  });
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace, (Strings{"told", "a stored", "guilty refused: forbidden"}));
}

TEST_F(GroupCommitTest, an_event_aside_is_handed_on_and_not_among_the_callers) {
  add("a", [](WriteTx& tx) -> Result<void> {
    tx.append_aside({StreamId(2), "aside", "", ""});
    tx.append({StreamId(1), "own", "", ""});
    tx.when_sequenced([](Session&, std::span<const Appended> own) -> Result<void> {
      return own.size() == 1 ? Result<void>() : Error::internal("the aside is among them");
    });
    return {};
  });
  group_commit_.run(changes_);
  EXPECT_THAT(sequencer_.trace,
              testing::UnorderedElementsAre("a stored", "committed aside", "committed own"));
}

TEST_F(GroupCommitTest, duplicates_are_answered_but_not_handed_on) {
  add("a", insert("1", "again"));
  group_commit_.run(changes_);
  EXPECT_EQ(sequencer_.trace, Strings{"a stored"});
}

TEST_F(GroupCommitTest, many_guilty_changes_cost_two_transactions_each_and_no_more) {
  for (int i = 0; i < 60; ++i) add("ok", insert(std::to_string(i)));
  for (int i : {5, 20, 40}) {
    changes_[static_cast<std::size_t>(i)] =
        std::make_unique<Scripted>("bad", sequencer_.trace, [](WriteTx& tx) -> Result<void> {
          INDABA_TRY_VOID(tx.sql().execute("INSERT INTO items (name) VALUES ('half')"));
          return Error(ErrorKind::invalid);
        });
  }
  group_commit_.run(changes_);
  EXPECT_EQ(items().size(), 57U);
  EXPECT_EQ(std::count(sequencer_.trace.begin(), sequencer_.trace.end(), "bad refused: invalid"),
            3);
  EXPECT_LE(stats_.commit_seconds.total(), 4U);
}

// A connection whose disk fails at a moment of the test's choice.
class FailingSession final : public TransactionalSession {
 public:
  Result<void> run(std::string_view, std::span<const Param>, const RowCallback&) override {
    ++writes_;
    if (fail_statement) {
      failed_ = true;
      return Error(ErrorKind::unavailable, "The disk is full.");
    }
    return {};
  }
  [[nodiscard]] std::int64_t changed() const override { return 1; }
  Result<void> begin() override {
    failed_ = false;
    ++begun;
    return {};
  }
  CommitOutcome commit(Error& why) override {
    why = Error(ErrorKind::unavailable, "The disk is full.");
    why.log = "disk I/O error";
    return outcome;
  }
  void rollback() override { ++rolled_back; }
  [[nodiscard]] std::int64_t writes() const override { return writes_; }
  [[nodiscard]] bool storage_failed() const override { return failed_; }

  bool fail_statement = false;
  CommitOutcome outcome = CommitOutcome::committed;
  int begun = 0;
  int rolled_back = 0;

 private:
  std::int64_t writes_ = 0;
  bool failed_ = false;
};

class FailingDisk : public testing::Test {
 protected:
  void run() {
    for (const auto* name : {"a", "b"})
      changes_.push_back(
          std::make_unique<Scripted>(name, sequencer_.trace, [](WriteTx& tx) -> Result<void> {
            // A change that makes something else of the error does not hide it.
            if (!tx.sql().execute("INSERT")) return Error(ErrorKind::not_found);
            return {};
          }));
    GroupCommit(session_, sequencer_, stats_).run(changes_);
  }
  FailingSession session_;
  CountingSequencer sequencer_;
  WriterStats stats_;
  std::vector<std::unique_ptr<Change>> changes_;
};

TEST_F(FailingDisk, a_full_disk_refuses_the_whole_group_once) {
  session_.fail_statement = true;
  run();
  EXPECT_EQ(sequencer_.trace,
            (std::vector<std::string>{"a refused: unavailable", "b refused: unavailable"}));
  EXPECT_EQ(session_.begun, 1);
  EXPECT_EQ(session_.rolled_back, 1);
}

TEST_F(FailingDisk, a_commit_without_room_is_rolled_back_and_unavailable) {
  session_.outcome = CommitOutcome::rolled_back;
  run();
  EXPECT_EQ(sequencer_.trace,
            (std::vector<std::string>{"a refused: unavailable", "b refused: unavailable"}));
}

using FailingDiskDeathTest = FailingDisk;
TEST_F(FailingDiskDeathTest,
       a_commit_whose_outcome_is_unknown_ends_the_process_before_anybody_is_answered) {
  session_.outcome = CommitOutcome::unknown;
  EXPECT_DEATH(run(), "cannot be known whether the commit is there");
}

}  // namespace
}  // namespace indaba::db
