#include "db/pg_session.hpp"
#include "db/test_backend.hpp"

#include <atomic>
#include <future>
#include <poll.h>

// What is PostgreSQL's alone: connections that break at the worst moment, other nodes, limits.
namespace indaba::db {
namespace {

using namespace std::chrono_literals;

// A stretch of network between a node and the database, for one test to break.
class Wire {
 public:
  enum class At : unsigned char {
    nothing,
    before_commit,  // the COMMIT never arrives
    after_commit,   // it arrives, and its answer is lost
  };

  explicit Wire(int to) : to_(to) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, any, &size) != 0)
      throw std::runtime_error("no wire");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~Wire() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    ::close(listener_);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  // At the next COMMIT, once.
  void break_at(At moment) { moment_ = moment; }
  void stay_down_afterwards() { stay_down_ = true; }
  // What comes goes nowhere, and nobody is told; also on connections that are made then.
  void swallow() { hole_ = true; }
  void heal() { down_ = stay_down_ = hole_ = false; }
  [[nodiscard]] bool broke() const { return moment_ == At::nothing; }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  void accept_all() {
    while (!stopping_) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) continue;
      const int server = ::socket(AF_INET, SOCK_STREAM, 0);
      auto address = loopback(to_);
      if (down_ || ::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ::close(client);
        ::close(server);
        continue;
      }
      threads_.emplace_back([this, client, server] { carry(client, server); });
    }
  }
  void carry(int client, int server) {
    std::array<char, 65536> chunk{};
    while (!stopping_) {
      std::array<pollfd, 2> both{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
      if (::poll(both.data(), 2, 20) <= 0) continue;
      const int from = both[0].revents != 0 ? client : server;
      const auto n = ::read(from, chunk.data(), chunk.size());
      if (n <= 0) break;
      if (hole_) continue;
      const std::string_view bytes(chunk.data(), static_cast<std::size_t>(n));
      const bool commit =
          from == client && bytes.find(std::string_view("COMMIT\0", 7)) != std::string_view::npos;
      const auto moment = commit ? moment_.exchange(At::nothing) : At::nothing;
      if (moment != At::nothing && stay_down_) down_ = true;
      if (moment == At::before_commit) break;
      if (::send(from == client ? server : client, bytes.data(), bytes.size(), MSG_NOSIGNAL) != n)
        break;
      if (moment == At::after_commit) {
        // Its bytes are with the database; let it read them before it sees the end.
        std::this_thread::sleep_for(50ms);
        break;
      }
    }
    ::close(client);
    ::close(server);
  }

  int to_;
  int port_ = 0;
  int listener_ = -1;
  std::atomic<At> moment_ = At::nothing;
  std::atomic<bool> stay_down_ = false;
  std::atomic<bool> down_ = false;
  std::atomic<bool> hole_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
};

class PgDatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!backend_.there()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
  }
  Result<std::unique_ptr<PgDatabase>> try_open(const std::string& url) {
    return PgDatabase::open({.url = url, .writer = limits_, .readers = {}}, sequencer_, clock_);
  }
  std::unique_ptr<PgDatabase> open(const std::string& url) { return try_open(url).value(); }
  std::unique_ptr<PgDatabase> open() { return open(backend_.url()); }
  std::string url_by(const Wire& wire) { return TestPostgres::url(backend_.name(), wire.port()); }

  // `by_now` runs inside the change.
  static Result<Written<std::monostate>> put(Database& database, std::string key,
                                             std::atomic<int>* runs = nullptr) {
    return write_blocking(database, Shard{}, [&](WriteTx& tx) -> Result<void> {
      if (runs != nullptr) ++*runs;
      tx.append({StreamId(1), key, "", ""});
      return tx.sql().execute("INSERT INTO meta (key, value) VALUES ($1, '')", key);
    });
  }
  static std::int64_t count(Database& database, std::string_view table = "meta") {
    auto found = read_blocking(database, [&](Session& session) {
      return session.first<std::int64_t>(fmt::format("SELECT count(*) FROM {}", table),
                                         [](const Row& r) { return r.int64(0); });
    });
    return found && *found ? **found : -1;
  }
  void sql(const std::string& text) { TestPostgres::instance()->sql(backend_.name(), text); }

  TestBackend backend_{Backend::postgres};
  SystemClock clock_;
  CountingSequencer sequencer_;
  PgWriterLimits limits_;
};

TEST_F(PgDatabaseTest, a_commit_whose_answer_was_lost_is_found_and_answered_as_stored) {
  Wire wire(TestPostgres::instance()->port());
  auto database = open(url_by(wire));
  put(*database, "warm").value();
  wire.break_at(Wire::At::after_commit);
  std::atomic<int> runs = 0;
  const auto done = put(*database, "k", &runs);
  EXPECT_TRUE(wire.broke());
  EXPECT_TRUE(done) << done.error().log;
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(count(*database), 2);
  database->stop();
  EXPECT_EQ(sequencer_.trace, (std::vector<std::string>{"committed warm", "committed k"}));
}

TEST_F(PgDatabaseTest, a_commit_that_never_arrived_is_found_lost_and_refused) {
  Wire wire(TestPostgres::instance()->port());
  auto database = open(url_by(wire));
  put(*database, "warm").value();
  wire.break_at(Wire::At::before_commit);
  const auto done = put(*database, "k");
  EXPECT_TRUE(wire.broke());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(done.error().code_or_slug(), "unavailable");
  EXPECT_TRUE(put(*database, "k"));
  EXPECT_EQ(count(*database), 2);
}

TEST_F(PgDatabaseTest,
       an_outcome_that_cannot_be_found_out_in_time_is_told_as_unknown_and_handed_on_later) {
  Wire wire(TestPostgres::instance()->port());
  auto database = open(url_by(wire));
  put(*database, "warm").value();
  wire.stay_down_afterwards();
  wire.break_at(Wire::At::after_commit);
  std::atomic<int> runs = 0;
  const auto began = std::chrono::steady_clock::now();
  const auto done = put(*database, "k", &runs);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "outcome_unknown");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4s);
  const auto meanwhile = put(*database, "other");
  ASSERT_FALSE(meanwhile);
  EXPECT_EQ(meanwhile.error().code_or_slug(), "unavailable");
  wire.heal();
  while (!put(*database, "later")) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(runs, 1);
  database->stop();
  EXPECT_EQ(sequencer_.trace,
            (std::vector<std::string>{"committed warm", "committed k", "committed later"}));
}

TEST_F(PgDatabaseTest, a_connection_that_was_ended_meanwhile_is_made_again_and_nobody_notices) {
  auto database = open();
  put(*database, "a").value();
  EXPECT_EQ(count(*database), 1);
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'indaba'");
  EXPECT_TRUE(put(*database, "b"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(count(*database), 2);
}

TEST_F(PgDatabaseTest, a_database_that_falls_silent_is_waited_for_once) {
  Wire wire(TestPostgres::instance()->port());
  limits_.times.statement = 300ms;
  limits_.times.network = 200ms;
  auto database = open(url_by(wire));
  put(*database, "a").value();
  wire.swallow();
  const auto began = std::chrono::steady_clock::now();
  const auto refused = put(*database, "b");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(refused.error().code, "");
  wire.heal();
  EXPECT_TRUE(put(*database, "b"));
}

TEST_F(PgDatabaseTest, a_connection_that_ends_inside_a_transaction_has_its_changes_run_again) {
  auto database = open();
  int runs = 0;
  auto done = write_blocking(*database, Shard{}, [&](WriteTx& tx) -> Result<void> {
    INDABA_TRY_VOID(tx.sql().execute("INSERT INTO meta (key, value) VALUES ('k', '')"));
    if (++runs == 1)
      sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
          " WHERE application_name = 'indaba' AND state = 'idle in transaction'");
    return tx.sql().execute("UPDATE meta SET value = '1'");
  });
  EXPECT_TRUE(done) << done.error().log;
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count(*database), 1);
}

TEST_F(PgDatabaseTest, two_nodes_that_lock_rows_in_a_circle_both_get_their_way) {
  auto one = open();
  CountingSequencer other_sequencer;
  auto two =
      PgDatabase::open({.url = backend_.url(), .readers = {}}, other_sequencer, clock_).value();
  put(*one, "a").value();
  put(*one, "b").value();
  std::atomic<int> inside = 0;
  const auto both = [&](Database& database, int shard, std::string first, std::string second) {
    bool again = false;
    return write_blocking(database, Shard{shard}, [&](WriteTx& tx) -> Result<void> {
      constexpr std::string_view kAppend = "UPDATE meta SET value = value || 'x' WHERE key = $1";
      INDABA_TRY_VOID(tx.sql().execute(kAppend, first));
      if (!std::exchange(again, true)) {
        ++inside;
        while (inside < 2) std::this_thread::yield();
      }
      return tx.sql().execute(kAppend, second);
    });
  };
  auto other = std::async(std::launch::async, [&] { return both(*two, 2, "b", "a"); });
  EXPECT_TRUE(both(*one, 1, "a", "b"));
  EXPECT_TRUE(other.get());
  auto lengths = read_blocking(*one, [](Session& s) {
    return s.first<std::string>("SELECT min(value) || max(value) FROM meta",
                                [](const Row& r) { return r.string(0); });
  });
  EXPECT_EQ(**lengths, "xxxx");
}

TEST_F(PgDatabaseTest, a_table_that_somebody_locked_refuses_changes_soon_and_heals) {
  limits_.times.lock = 200ms;
  auto database = open();
  auto locking = std::async(std::launch::async,
                            [&] { sql("BEGIN; LOCK TABLE meta; SELECT pg_sleep(1); COMMIT"); });
  std::this_thread::sleep_for(300ms);
  const auto began = std::chrono::steady_clock::now();
  const auto refused = put(*database, "a");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_GT(refused.error().retry_after, 0ms);
  locking.get();
  EXPECT_TRUE(put(*database, "a"));
}

TEST_F(PgDatabaseTest, what_waits_behind_a_change_that_lasts_is_refused_in_time) {
  limits_.times.statement = 5s;
  limits_.times.queued = 200ms;
  auto database = open();
  auto lasting = std::async(std::launch::async, [&] {
    return write_blocking(*database, Shard{}, [](WriteTx& tx) -> Result<void> {
      return tx.sql().execute("SELECT 1 FROM pg_sleep(2)");
    });
  });
  std::this_thread::sleep_for(100ms);
  const auto refused = put(*database, "a");
  EXPECT_EQ(lasting.wait_for(0s), std::future_status::timeout) << "it came too late to tell";
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(lasting.get());
  EXPECT_EQ(count(*database), 0);
}

// A client of PgBouncer that has two round trips under way and goes away between their answers: the
// second answer stays in the server connection, which the next client is given.
void leave_an_answer_behind(const std::string& url) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> client(PQconnectdb(url.c_str()), &PQfinish);
  auto* connection = client.get();
  ASSERT_EQ(PQenterPipelineMode(connection), 1);
  const auto ask = [&](const char* sql) {
    ASSERT_EQ(PQsendQueryParams(connection, sql, 0, nullptr, nullptr, nullptr, nullptr, 1), 1);
  };
  ask("SELECT 1");
  ASSERT_EQ(PQpipelineSync(connection), 1);
  for (const auto* sql :
       {"BEGIN", "SELECT 'a', 'b', 'c', 0::bigint", "SELECT 7 FROM pg_sleep(0.3)"})
    ask(sql);
  ASSERT_EQ(PQpipelineSync(connection), 1);
  for (bool first_is_there = false; !first_is_there;) {
    const auto result = own(PQgetResult(connection));
    first_is_there = result && PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC;
  }
}

TEST(PgBouncerTest, what_another_client_left_behind_is_nobodys_answer) {
  const TestBackend backend(Backend::pgbouncer);
  if (!backend.there()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
  PgSession session(PgTarget::parse(backend.url(), {}).value(), PgSession::Access::read_only, {});
  const auto ask = [&](std::int64_t number) -> Result<std::int64_t> {
    INDABA_TRY_VOID(session.begin());
    auto told = session.first<std::int64_t>(
        "SELECT $1::bigint", [](const Row& r) { return r.int64(0); }, number);
    session.rollback();
    if (!told) return std::move(told).error();
    return told->value_or(-1);
  };
  bool mixed_up = false;
  for (std::int64_t round = 0; round < 5; ++round) {
    leave_an_answer_behind(backend.url());
    auto told = ask(round);
    mixed_up = mixed_up || !told;
    for (int again = 0; !told && again < 20; ++again) told = ask(round);
    ASSERT_TRUE(told);
    EXPECT_EQ(*told, round);
  }
  EXPECT_TRUE(mixed_up) << "this pooler does not do it: what is this test for?";
}

TEST_F(PgDatabaseTest, nodes_that_start_at_once_migrate_once) {
  std::vector<std::future<int>> nodes;
  std::vector<std::unique_ptr<CountingSequencer>> sequencers;
  for (int i = 0; i < 4; ++i)
    nodes.push_back(std::async(std::launch::async, [&] {
      CountingSequencer sequencer;
      return PgDatabase::open({.url = backend_.url(), .readers = {}}, sequencer, clock_)
          .value()
          ->migrated();
    }));
  int applied = 0;
  for (auto& node : nodes) applied += node.get();
  EXPECT_EQ(applied, static_cast<int>(compiled_migrations(Dialect::postgres).size()));
}

TEST_F(PgDatabaseTest, an_older_database_is_refused_until_it_is_migrated) {
  open().reset();
  sql("DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)");
  const auto refused = PgDatabase::open({.url = backend_.url(), .migrate = false, .readers = {}},
                                        sequencer_, clock_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("indaba migrate up"), std::string::npos);
}

TEST_F(PgDatabaseTest, the_row_of_a_writers_previous_commit_goes_with_the_next) {
  auto database = open();
  for (int i = 0; i < 20; ++i) put(*database, std::to_string(i)).value();
  EXPECT_LE(count(*database, "commits"), 2);  // of the writer, and of the start
}

TEST_F(PgDatabaseTest, a_text_with_a_zero_in_it_is_the_callers_mistake) {
  auto database = open();
  const auto refused = put(*database, std::string("a\0b", 3));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
}

TEST_F(PgDatabaseTest, an_address_that_is_wrong_is_refused_without_its_password) {
  const auto wrong = try_open("postgres://me:hush hush@[::1/x");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().detail.find("hush"), std::string::npos);
  const auto nobody = try_open("postgres://me:hush@127.0.0.1:1/x");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, "database_unusable");
  EXPECT_NE(nobody.error().detail.find("127.0.0.1:1/x"), std::string::npos);
  EXPECT_EQ(nobody.error().detail.find("hush"), std::string::npos);
}

}  // namespace
}  // namespace indaba::db
