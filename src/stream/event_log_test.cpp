#include "stream/event_log.hpp"

#include "db/test_backend.hpp"
#include "db/test_executor.hpp"
#include "stream/retention.hpp"
#include "stream/sql_store.hpp"

#include <atomic>
#include <csignal>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

namespace indaba::stream {
namespace {

using namespace std::chrono_literals;
using db::EventDraft;

class Listening final : public CommitListener {
 public:
  void on_committed(std::span<const EventPtr> events) override {
    const std::lock_guard lock(mutex_);
    for (const auto& event : events) heard_.push_back(event);
  }
  std::vector<EventPtr> heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  std::mutex mutex_;
  std::vector<EventPtr> heard_;
};

class EventLogTest : public testing::TestWithParam<db::Backend> {
 protected:
  EventLogTest() {
    log_.set_listener(&listener_);
    if (backend_.there()) open();
  }
  void SetUp() override {
    if (!backend_.there()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
  }
  void open() {
    database_.reset();
    database_ = backend_.open(log_, clock_);
  }
  StreamId make(NewStream stream = {.kind = "topic", .org = OrgId(1)}) {
    return db::write_blocking(
               *database_, db::Shard{},
               [&](db::WriteTx& tx) { return create_stream(tx.sql(), stream, clock_, random_); })
        ->value;
  }
  Result<std::vector<db::Appended>> append(std::vector<EventDraft> drafts) {
    auto written =
        db::write_blocking(*database_, db::Shard{}, [&](db::WriteTx& tx) -> Result<void> {
          for (const auto& draft : drafts) tx.append(draft);
          return {};
        });
    if (!written) return std::move(written).error();
    return written->events;
  }
  Page page(StreamId stream, Seq after, PageLimit limit = {}) {
    return *db::read_blocking(
        *database_, [&](db::Session& s) { return read_page_after(s, stream, after, limit); });
  }
  Page newest(StreamId stream, PageLimit limit) {
    return *db::read_blocking(*database_,
                              [&](db::Session& s) { return read_newest_page(s, stream, limit); });
  }
  static std::vector<std::int64_t> seqs(const Page& page) {
    std::vector<std::int64_t> numbers;
    for (const auto& event : page.events) numbers.push_back(event->seq.value);
    return numbers;
  }
  TrimReport trim_now(TrimRequest request, RetentionListener* listener = nullptr) {
    db::TestExecutor executor;
    request.now = clock_.wall();
    return *db::run_on(executor, trim(*database_, std::move(request), listener));
  }
  using Numbers = std::vector<std::int64_t>;

  db::TestBackend backend_{GetParam()};
  ManualClock clock_;
  SeededRandom random_{1};
  Listening listener_;
  EventLog log_{clock_};
  std::unique_ptr<db::Database> database_;
};

INSTANTIATE_TEST_SUITE_P(Each, EventLogTest,
                         testing::Values(db::Backend::sqlite, db::Backend::postgres,
                                         db::Backend::pgbouncer),
                         db::backend_name);

TEST_P(EventLogTest,
       numbers_are_given_out_a_stream_without_holes_and_told_to_the_listener_in_order) {
  const auto a = make();
  const auto b = make();
  auto first = append({{a, "x", ",\"n\":1", ""}, {b, "y", "", ""}, {a, "z", "", ""}});
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)[0].seq, Seq(1));
  EXPECT_EQ((*first)[1].seq, Seq(1));
  EXPECT_EQ((*first)[2].seq, Seq(2));
  EXPECT_EQ((*append({{a, "x", "", ""}}))[0].seq, Seq(3));
  database_->stop();  // the listener is called after the answer
  const auto heard = listener_.heard();
  ASSERT_EQ(heard.size(), 4U);
  EXPECT_EQ(heard[0]->type, "x");
  EXPECT_EQ(heard[0]->body, ",\"n\":1");
  EXPECT_EQ(heard[3]->seq, Seq(3));
  EXPECT_EQ(heard[0]->created_at, clock_.wall());
}

TEST_P(EventLogTest, numbers_go_on_after_opening_again_and_the_epoch_stays) {
  const auto stream = make();
  EXPECT_TRUE(append({{stream, "x", "", ""}}));
  const auto epoch = page(stream, Seq()).state.epoch;
  EXPECT_EQ(epoch.size(), 16U);
  open();
  EXPECT_EQ((*append({{stream, "x", "", ""}}))[0].seq, Seq(2));
  EXPECT_EQ(page(stream, Seq()).state.epoch, epoch);
}

TEST_P(EventLogTest, time_never_goes_backwards_within_a_stream) {
  const auto stream = make();
  const auto first = (*append({{stream, "x", "", ""}}))[0].created_at;
  clock_.jump_wall(-1h);
  open();
  EXPECT_EQ((*append({{stream, "x", "", ""}}))[0].created_at, first);
}

TEST_P(EventLogTest, a_repeated_key_with_the_same_content_is_the_first_event_again) {
  const auto stream = make();
  const EventDraft draft{stream, "x", ",\"n\":1", "key"};
  const auto within = append({draft, {stream, "other", "", ""}, draft});
  ASSERT_TRUE(within);
  EXPECT_FALSE((*within)[0].duplicate);
  EXPECT_TRUE((*within)[2].duplicate);
  EXPECT_EQ((*within)[2].seq, Seq(1));
  const auto at = (*within)[0].created_at;
  clock_.advance(1min);
  open();
  const auto later = append({draft});
  ASSERT_TRUE(later);
  EXPECT_TRUE((*later)[0].duplicate);
  EXPECT_EQ((*later)[0].seq, Seq(1));
  EXPECT_EQ((*later)[0].created_at, at);
  EXPECT_EQ(page(stream, Seq()).state.head, Seq(2));
  database_->stop();
  EXPECT_EQ(listener_.heard().size(), 2U);
}

TEST_P(EventLogTest, a_repeated_key_with_other_content_is_a_conflict_and_takes_no_number) {
  const auto stream = make();
  const auto other_stream = make();
  EXPECT_TRUE(append({{stream, "x", ",\"n\":1", "key"}}));
  auto refused = append({{stream, "y", "", ""}, {stream, "x", ",\"n\":2", "key"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_EQ(refused.error().code_or_slug(), "conflict");
  EXPECT_EQ(page(stream, Seq()).state.head, Seq(1));
  EXPECT_FALSE(append({{stream, "xx", ",\"n\":1", "key"}}));
  EXPECT_FALSE((*append({{other_stream, "x", ",\"n\":2", "key"}}))[0].duplicate);
}

TEST_P(EventLogTest, an_emptied_event_still_recognises_its_repetition) {
  const auto stream = make();
  const EventDraft draft{stream, "message", ",\"body\":\"hello\"", "key"};
  EXPECT_TRUE(append({draft}));
  EXPECT_TRUE(db::write_blocking(*database_, db::Shard{}, [&](db::WriteTx& tx) {
    return tx.sql().execute("UPDATE events SET body = '' WHERE stream_id = $1", stream);
  }));
  EXPECT_TRUE((*append({draft}))[0].duplicate);
}

TEST_P(EventLogTest, a_stream_that_is_gone_or_keeps_nothing_refuses_its_change_alone) {
  const auto stream = make();
  const auto passing = make({.kind = "topic", .org = OrgId(1), .durable = false});
  auto missing = append({{stream, "x", "", ""}, {StreamId(999), "x", "", ""}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  auto ephemeral = append({{passing, "x", "", ""}});
  ASSERT_FALSE(ephemeral);
  EXPECT_EQ(ephemeral.error().code_or_slug(), "not_durable");
  EXPECT_EQ(page(stream, Seq()).state.head, Seq());
}

TEST_P(EventLogTest, a_deleted_stream_takes_its_events_along_and_its_id_never_comes_back) {
  const auto stream = make();
  EXPECT_TRUE(append({{stream, "x", "", ""}}));
  auto remove = [&](db::WriteTx& tx) -> Result<void> {
    delete_stream(tx, stream);
    return {};
  };
  EXPECT_TRUE(db::write_blocking(*database_, db::Shard{}, remove));
  EXPECT_TRUE(db::write_blocking(*database_, db::Shard{}, remove));
  auto gone = db::read_blocking(*database_, [&](db::Session& s) { return read_state(s, stream); });
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::not_found);
  EXPECT_GT(make().value, stream.value);
}

TEST_P(EventLogTest, new_epochs_are_new_for_every_stream) {
  const auto stream = make();
  const auto epoch = page(stream, Seq()).state.epoch;
  auto renewed = db::write_blocking(*database_, db::Shard{},
                                    [&](db::WriteTx& tx) { return new_epochs(tx.sql(), random_); });
  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed->value, 1);
  EXPECT_NE(page(stream, Seq()).state.epoch, epoch);
}

TEST_P(EventLogTest, a_page_keeps_its_limits_and_the_newest_come_in_order) {
  const auto stream = make();
  std::vector<EventDraft> drafts;
  for (int i = 0; i < 200; ++i) drafts.push_back({stream, "x", std::string(100, 'b'), ""});
  EXPECT_TRUE(append(drafts));
  EXPECT_EQ(page(stream, Seq(10), {3, 1 << 20}).events.front()->seq, Seq(11));
  EXPECT_EQ(seqs(page(stream, Seq(10), {3, 1 << 20})), (Numbers{11, 12, 13}));
  EXPECT_EQ(page(stream, Seq(), {150, 1 << 20}).events.size(), 150U);
  EXPECT_EQ(seqs(page(stream, Seq(5), {150, 250})), (Numbers{6, 7}));
  EXPECT_EQ(seqs(page(stream, Seq(5), {150, 1})), (Numbers{6}));
  EXPECT_EQ(seqs(newest(stream, {3, 1 << 20})), (Numbers{198, 199, 200}));
  EXPECT_EQ(seqs(newest(stream, {100, 250})), (Numbers{199, 200}));
  EXPECT_TRUE(page(stream, Seq(200)).events.empty());
  EXPECT_TRUE(page(stream, Seq(0), {0, 0}).events.empty());
  EXPECT_EQ(page(stream, Seq(0), {0, 0}).state.head, Seq(200));
}

TEST_P(EventLogTest, the_store_answers_on_the_executor_that_asked) {
  const auto stream = make();
  EXPECT_TRUE(append({{stream, "x", "", ""}}));
  SqlStore store(*database_);
  db::TestExecutor executor;
  std::promise<std::pair<bool, std::size_t>> done;
  executor.post([&] {
    store.read_after(stream, Seq(), {}, [&](Result<Page> page) {
      done.set_value({Executor::current() == &executor, page->events.size()});
    });
  });
  EXPECT_EQ(done.get_future().get(), (std::pair<bool, std::size_t>{true, 1}));
  std::promise<ErrorKind> missing;
  executor.post([&] {
    store.read_newest(StreamId(77), {},
                      [&](Result<Page> page) { missing.set_value(page.error().kind); });
  });
  EXPECT_EQ(missing.get_future().get(), ErrorKind::not_found);
}

TEST_P(EventLogTest, whoever_shares_the_log_is_told_where_it_ends_when_a_writer_takes_a_stream) {
  if (!backend_.many_nodes()) GTEST_SKIP() << "one process owns an embedded database";
  struct Taking final : HeadListener {
    void on_settled(StreamId, Seq head) override { told += fmt::format("settled {} ", head.value); }
    void on_taken(StreamId, Seq head) override { told += fmt::format("taken {} ", head.value); }
    std::string told;
  } taking;
  const auto stream = make();
  log_.set_head_listener(&taking);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(append({{stream, "x", "", ""}, {stream, "x", "", ""}}));
  EXPECT_EQ(taking.told, "taken 0 settled 2 taken 2 settled 4 ");
  log_.set_head_listener(nullptr);
}

TEST_P(EventLogTest, a_lost_epoch_is_ended_once) {
  if (!backend_.many_nodes()) GTEST_SKIP() << "one process owns an embedded database";
  const auto stream = make();
  EXPECT_TRUE(append({{stream, "x", "", ""}}));
  const auto lost = page(stream, Seq()).state.epoch;
  SqlHeadSource source(*database_);
  db::TestExecutor executor;
  const auto begin_another = [&] {
    std::promise<bool> done;
    executor.post([&] {
      source.begin_epochs({{stream, lost}},
                          [&](const Result<void>& begun) { done.set_value(begun.has_value()); });
    });
    EXPECT_TRUE(done.get_future().get());
    return page(stream, Seq()).state;
  };
  const auto first = begin_another();
  EXPECT_NE(first.epoch, lost);
  EXPECT_EQ(first.head, Seq(1));
  EXPECT_EQ(begin_another().epoch, first.epoch) << "another node came first";
}

struct Trimmed final : RetentionListener {
  void on_trimmed(StreamId stream, Seq oldest) override { last[stream.value] = oldest.value; }
  std::map<std::int64_t, std::int64_t> last;
};

TEST_P(EventLogTest, retention_takes_the_oldest_in_batches_and_moves_oldest) {
  const auto stream = make();
  const auto own = make({.kind = "topic", .org = OrgId(1), .retention = Millis(1h)});
  const auto kept = make({.kind = "room", .org = OrgId(1)});
  for (const auto s : {stream, own, kept})
    for (int i = 0; i < 7; ++i) EXPECT_TRUE(append({{s, "x", "", i == 0 ? "key" : ""}}));
  clock_.advance(2h);
  for (const auto s : {stream, own, kept}) EXPECT_TRUE(append({{s, "x", "", ""}}));
  Trimmed trimmed;
  TrimRequest request{.batch = 3};
  request.policy.by_kind["room"] = std::nullopt;
  EXPECT_EQ(trim_now(request, &trimmed).events, 7);
  EXPECT_EQ(trimmed.last, (std::map<std::int64_t, std::int64_t>{{own.value, 8}}));
  EXPECT_EQ(seqs(page(own, Seq())), Numbers{8});
  EXPECT_EQ(page(own, Seq()).state.oldest, Seq(8));
  // The key went with its event.
  EXPECT_FALSE((*append({{own, "other", "", "key"}}))[0].duplicate);

  clock_.advance(31 * 24h);
  const auto report = trim_now(request, &trimmed);
  EXPECT_EQ(report.streams, 2);
  EXPECT_EQ(trimmed.last[stream.value], 9);
  EXPECT_EQ(page(stream, Seq()).state.oldest, Seq(9));
  EXPECT_EQ(page(stream, Seq()).state.head, Seq(8));
  EXPECT_EQ(page(kept, Seq()).events.size(), 8U);
  EXPECT_EQ((*append({{stream, "x", "", ""}}))[0].seq, Seq(9));
  EXPECT_EQ(trim_now(request, &trimmed).events, 0);
}

TEST_P(EventLogTest, what_trims_or_deletes_a_stream_and_appends_to_another_is_in_no_nodes_way) {
  if (!backend_.many_nodes()) GTEST_SKIP() << "one process owns an embedded database";
  EventLog other_log(clock_);
  const auto node = backend_.open(other_log, clock_);
  const std::vector<std::function<Result<void>(db::WriteTx&, StreamId)>> ways{
      [](db::WriteTx& tx, StreamId stream) -> Result<void> {
        INDABA_TRY_VOID(trim_through(tx, stream, Seq(1)));
        return {};
      },
      [](db::WriteTx& tx, StreamId stream) -> Result<void> {
        delete_stream(tx, stream);
        return {};
      }};
  for (const auto& way : ways) {
    const auto low = make();
    const auto high = make();
    EXPECT_TRUE(append({{high, "x", "", ""}}));
    const auto to_both = [=](db::WriteTx& tx) -> Result<void> {
      for (const auto stream : {low, high}) tx.append({stream, "x", "", ""});
      return {};
    };
    std::future<bool> other;
    EXPECT_TRUE(db::write_blocking(*database_, db::Shard{}, [&](db::WriteTx& tx) -> Result<void> {
      INDABA_TRY_VOID(way(tx, high));
      tx.append({low, "x", "", ""});
      if (other.valid()) return {};
      other = std::async(std::launch::async, [&] {
        return db::write_blocking(*node, db::Shard(9), to_both).has_value();
      });
      other.wait_for(500ms);  // by then it holds what it can get
      return {};
    }));
    EXPECT_TRUE(other.get());
  }
  EXPECT_EQ(database_->stats().groups_run_again + node->stats().groups_run_again, 0U);
}

TEST_P(EventLogTest, one_stream_can_be_trimmed_alone) {
  const auto a = make();
  const auto b = make();
  EXPECT_TRUE(append({{a, "x", "", ""}, {b, "x", "", ""}}));
  clock_.advance(31 * 24h);
  EXPECT_EQ(trim_now({.stream = a}).events, 1);
  EXPECT_EQ(page(b, Seq()).events.size(), 1U);
}

// What several writers were told is in the log at exactly that place, whenever the process is
// killed.
TEST_P(EventLogTest, what_was_acknowledged_is_in_its_place_after_kill_9) {
  const auto stream = make();
  for (int round = 0; round < 3; ++round) {
    database_.reset();
    struct Ack {
      std::int64_t seq;
      std::int64_t value;
    };
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const auto pid = ::fork();
    if (pid == 0) {
      open();
      std::vector<std::thread> writers;
      for (int t = 0; t < 4; ++t)
        writers.emplace_back([&, t] {
          for (std::int64_t i = 0;; ++i) {
            const auto value = (round * 10 + t) * 1'000'000 + i;
            const auto done = append({{stream, "x", std::to_string(value), ""}});
            const Ack ack{done ? (*done)[0].seq.value : 0, value};
            if (done && ::write(pipe[1], &ack, sizeof ack) < 0) ::_exit(1);
          }
        });
      for (auto& writer : writers) writer.join();
    }
    ::close(pipe[1]);
    std::map<std::int64_t, std::int64_t> acknowledged;
    Ack ack{};
    for (int n = 0; n < 300 && ::read(pipe[0], &ack, sizeof ack) == sizeof ack; ++n)
      acknowledged[ack.seq] = ack.value;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    while (::read(pipe[0], &ack, sizeof ack) == sizeof ack) acknowledged[ack.seq] = ack.value;
    ::close(pipe[0]);

    open();
    ASSERT_GE(acknowledged.size(), 300U);
    Seq at;
    for (auto part = page(stream, at); !part.events.empty(); part = page(stream, at))
      for (const auto& event : part.events) {
        ASSERT_EQ(event->seq, at.next());
        at = event->seq;
        if (const auto found = acknowledged.find(at.value); found != acknowledged.end()) {
          ASSERT_EQ(event->body, std::to_string(found->second));
          acknowledged.erase(found);
        }
      }
    EXPECT_TRUE(acknowledged.empty());
    EXPECT_EQ(page(stream, Seq()).state.head, at);
  }
}

TEST_P(EventLogTest,
       two_nodes_that_append_to_the_same_streams_leave_no_hole_and_wait_in_no_circle) {
  if (!backend_.many_nodes()) GTEST_SKIP() << "one process owns an embedded database";
  EventLog other_log(clock_);
  auto other = backend_.open(other_log, clock_);
  const auto a = make();
  const auto b = make();
  constexpr int kEach = 40;
  std::mutex mutex;
  std::map<std::int64_t, std::vector<std::int64_t>> given;
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t)
    writers.emplace_back([&, t] {
      auto& node = t % 2 == 0 ? *database_ : *other;
      for (int i = 0; i < kEach; ++i) {
        const bool forwards = (t + i) % 2 == 0;
        auto written = db::write_blocking(node, db::Shard(t), [&](db::WriteTx& tx) -> Result<void> {
          tx.append({forwards ? a : b, "x", "", ""});
          tx.append({forwards ? b : a, "x", "", ""});
          tx.append({a, "same", "", fmt::format("key-{}", i)});
          return {};
        });
        ASSERT_TRUE(written) << written.error().log;
        const std::lock_guard lock(mutex);
        for (const auto& event : written->events)
          if (!event.duplicate) given[event.stream.value].push_back(event.seq.value);
      }
    });
  for (auto& writer : writers) writer.join();
  for (auto& [stream, numbers] : given) {
    std::ranges::sort(numbers);
    Numbers wanted;
    for (std::int64_t n = 1; n <= static_cast<std::int64_t>(numbers.size()); ++n)
      wanted.push_back(n);
    EXPECT_EQ(numbers, wanted);
    EXPECT_EQ(page(StreamId(stream), Seq(0), {1000, 1 << 20}).state.head, Seq(wanted.back()));
  }
  EXPECT_EQ(given[a.value].size(), 4U * kEach + kEach);  // each key once
  EXPECT_EQ(given[b.value].size(), 4U * kEach);
}

}  // namespace
}  // namespace indaba::stream
