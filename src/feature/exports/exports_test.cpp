#include "feature/exports/exports.hpp"

#include "feature/exports/queries.hpp"
#include "feature/orgs/test_feature.hpp"
#include "job/worker.hpp"

#include <fmt/format.h>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::exports {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ExportsTest : public orgs::FeatureFixture, public testing::WithParamInterface<db::Backend> {
 protected:
  ExportsTest() : FeatureFixture(GetParam()) {
    service_.add_routes(endpoints_);
    service_.add_tasks(registry_);
    // A worker that is rung works, whether or not it was started.
    queue_.when_enqueued([this](Millis delay) {
      if (working_) worker_.ring(delay);
    });
    start_feature();
    limits_.writes = 0;
  }
  ~ExportsTest() override { worker_.stop_blocking(5s); }

  void execute(const std::string& sql) {
    auto change = [&](db::WriteTx& tx) { return tx.sql().execute(sql); };
    const auto done = db::write_blocking(*database_, db::Shard(), change);
    ASSERT_TRUE(done) << done.error().log;
  }
  std::int64_t number(const std::string& sql) {
    return db::read_blocking(*database_,
                             [&](db::Session& session) {
                               return session.first<std::int64_t>(
                                   sql, [](const db::Row& r) { return r.int64(0); });
                             })
        .value()
        .value_or(0);
  }
  std::int64_t room(std::string_view slug, bool is_private = false) {
    const auto id = ++rooms_;
    execute(
        fmt::format("INSERT INTO rooms (id, org_id, slug, name, kind, private, stream_id, "
                    "created_at) VALUES ({}, {}, '{}', 'x', 'chat', {}, {}, 0)",
                    id, acme_.org.value, slug, is_private ? 1 : 0, 1'000'000 + id));
    return id;
  }
  void put_in(std::int64_t room, std::string_view who) {
    execute(
        fmt::format("INSERT INTO room_members (room_id, user_id, org_id, created_at) VALUES "
                    "({}, {}, {}, 0)",
                    room, user(who).value, acme_.org.value));
  }
  void say(std::int64_t room, std::string_view body, int times = 1) {
    execute(fmt::format(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) INSERT INTO "
        "messages (room_id, author_id, seq, number, body, created_at) SELECT {}, {}, i, i, '{}', "
        "i FROM n",
        times, room, user("ben").value, body));
  }
  void set_role(std::string_view who, auth::Role role) {
    execute(fmt::format("UPDATE org_members SET role = {} WHERE org_id = {} AND user_id = {}",
                        static_cast<int>(role), acme_.org.value, user(who).value));
    changes_.tell(api::AccessUnknown{});
  }

  std::int64_t begin(std::string_view kind, std::string_view who = "anna") {
    const auto response = ask(kind, who);
    EXPECT_EQ(response.status, 202) << response.body;
    return json_of(response).at("job_id").as_int64();
  }
  http::Response ask(std::string_view kind, std::string_view who = "anna") {
    return send(who, "POST /api/v1/orgs/acme/exports", fmt::format(R"({{"kind":"{}"}})", kind));
  }
  boost::json::object shown(std::int64_t id) {
    return json_of(send("anna", fmt::format("GET /api/v1/orgs/acme/exports/{}", id)));
  }
  boost::json::object ended(std::int64_t id) {
    for (int i = 0; i < 5'000; ++i) {
      auto view = shown(id);
      if (view.at("status") == "done" || view.at("status") == "failed") return view;
      std::this_thread::sleep_for(2ms);
    }
    ADD_FAILURE() << "it did not end";
    return shown(id);
  }
  void work() {
    working_ = true;
    worker_.start();
  }
  // The queue gives up, as a worker would.
  void end_job(std::int64_t id, std::string_view state, std::string_view error = "null") {
    execute(
        fmt::format("UPDATE jobs SET state = '{}', error = '{}' WHERE id = {}", state, error, id));
  }
  void settle() { ASSERT_TRUE(db::run_on(executor_, service_.settle())); }
  http::Response download(std::int64_t id, std::string_view who = "anna") {
    return send(who, fmt::format("GET /api/v1/orgs/acme/exports/{}/download", id));
  }
  std::string text_of(http::Response response) {
    EXPECT_EQ(response.status, 200) << response.body;
    std::string text;
    if (!response.pieces) return text;
    while (text.size() < response.pieces->length) {
      const auto piece = db::run_on(executor_, response.pieces->next());
      if (!piece || piece->empty()) break;
      text += *piece;
    }
    EXPECT_EQ(text.size(), response.pieces->length);
    return text;
  }
  std::string exported(std::string_view kind) {
    const auto id = begin(kind);
    const auto view = ended(id);
    EXPECT_EQ(view.at("status"), "done") << boost::json::serialize(view);
    return text_of(download(id));
  }
  std::vector<std::string> told() {
    std::vector<std::string> bodies;
    auto query = [&](db::Session& session) {
      return session.all<std::string>(
          "SELECT e.body FROM events e JOIN orgs o ON o.notifications_stream = e.stream_id WHERE "
          "e.type = 'export_done' ORDER BY e.seq",
          [](const db::Row& r) { return r.string(0); });
    };
    return db::read_blocking(*database_, query).value();
  }

  job::Registry registry_;
  job::Queue queue_{registry_, system_clock_, random_};
  Exports service_{{*database_, queue_, limiter_, clock_}};
  Logger log_ = Logger::null();
  db::TestExecutor work_;
  job::Worker worker_{{*database_, registry_, system_clock_, random_, log_, work_},
                      {.alive = 2s, .beat = 200ms}};
  std::atomic<bool> working_ = false;
  std::int64_t rooms_ = 100;
};

INSTANTIATE_TEST_SUITE_P(
    Each, ExportsTest, testing::ValuesIn(db::present({db::Backend::sqlite, db::Backend::postgres})),
    db::backend_name);

TEST_P(ExportsTest, writes_tasks_as_csv_and_says_when_they_are_ready) {
  execute(
      fmt::format("INSERT INTO tasks (org_id, title, status, assignee_id, created_at, "
                  "updated_at) VALUES ({0}, '=1+1', 'todo', {1}, 1000, 2000), ({0}, 'Paint', "
                  "'done', NULL, 1000, 2000)",
                  acme_.org.value, user("ben").value));
  const auto waiting = begin("tasks_csv");
  EXPECT_EQ(shown(waiting).at("status"), "queued");
  EXPECT_EQ(code_of(download(waiting)), "export_not_ready");
  work();
  const auto view = ended(waiting);
  EXPECT_EQ(view.at("status"), "done");
  EXPECT_EQ(view.at("lines").as_int64(), 2);
  const auto url = fmt::format("/api/v1/orgs/acme/exports/{}/download", waiting);
  EXPECT_EQ(std::string(view.at("download_url").as_string()), url);
  auto response = download(waiting);
  EXPECT_EQ(response.headers.find("content-disposition"),
            fmt::format("attachment; filename=\"acme-tasks-{}.csv\"", waiting));
  EXPECT_EQ(response.headers.find("cache-control"), "private, no-store");
  EXPECT_EQ(response.headers.find("x-content-type-options"), "nosniff");
  const auto text = text_of(std::move(response));
  EXPECT_TRUE(text.starts_with("id,title,status,assignee_id,assignee,created_at,updated_at\r\n"));
  EXPECT_THAT(text, HasSubstr(fmt::format(",\"'=1+1\",\"todo\",{},\"ben\",1970-01-01T00:00:01.000Z",
                                          user("ben").value)));
  EXPECT_THAT(text, HasSubstr(",\"Paint\",\"done\",,\"\","));
  const auto events = told();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0],
            fmt::format(R"(,"job_id":{},"status":"done","download_url":"{}")", waiting, url));
}

TEST_P(ExportsTest, messages_are_those_of_all_rooms_as_owners_and_admins_may_read_them) {
  work();
  say(room("open"), "said in the open");
  const auto shut = room("shut", true);
  put_in(shut, "ben");
  say(shut, "said behind a door");
  const auto gone = room("gone");
  say(gone, "said where nobody goes");
  execute(fmt::format("UPDATE rooms SET deleted_at = 5 WHERE id = {}", gone));
  say(room("empty-before"), "last");
  execute(fmt::format("UPDATE messages SET deleted_at = 5 WHERE body = 'last'"));
  room("empty");
  execute(
      "INSERT INTO rooms (id, slug, name, kind, private, stream_id, created_at) VALUES (900, "
      "'', '', 'conversation', 1, 2000900, 0)");
  say(900, "said in private");
  const auto text = exported("messages_jsonl");
  EXPECT_THAT(text, HasSubstr(R"("body":"said in the open")"));
  EXPECT_THAT(text, HasSubstr(R"("body":"said behind a door")"));
  EXPECT_THAT(text, HasSubstr(R"("body":"","client_message_id":null)"));
  EXPECT_THAT(text, testing::Not(HasSubstr("nobody goes")));
  EXPECT_THAT(text, testing::Not(HasSubstr("in private")));
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
  for (std::size_t from = 0; from < text.size();) {
    const auto end = text.find('\n', from);
    EXPECT_TRUE(boost::json::parse(text.substr(from, end - from)).is_object());
    from = end + 1;
  }
}

TEST_P(ExportsTest, many_messages_come_in_pieces_each_once_and_in_order) {
  work();
  say(room("one"), std::string(400, 'x'), 3'000);
  say(room("two"), "short", 1'500);
  const auto id = begin("messages_jsonl");
  EXPECT_EQ(ended(id).at("lines").as_int64(), 4'500);
  EXPECT_GT(number(fmt::format("SELECT count(*) FROM export_chunks WHERE export_id = {}", id)), 4);
  const auto text = text_of(download(id));
  std::int64_t before = 0;
  std::int64_t lines = 0;
  for (std::size_t from = 0; from < text.size(); ++lines) {
    const auto end = text.find('\n', from);
    const auto line = boost::json::parse(text.substr(from, end - from));
    EXPECT_GT(line.at("id").as_int64(), before);
    before = line.at("id").as_int64();
    from = end + 1;
  }
  EXPECT_EQ(lines, 4'500);
}

TEST_P(ExportsTest, the_audit_is_what_the_organisation_was_told) {
  work();
  const auto text = exported("audit_jsonl");
  EXPECT_THAT(text, HasSubstr(R"({"type":"member_added","seq":)"));
  EXPECT_TRUE(boost::json::parse(text.substr(0, text.find('\n'))).is_object());
}

TEST_P(ExportsTest, an_export_without_lines_is_empty_and_done) {
  work();
  EXPECT_EQ(exported("messages_jsonl"), "");
}

TEST_P(ExportsTest, nobody_else_may_start_see_or_download_it) {
  work();
  const auto id = begin("tasks_csv");
  ended(id);
  const auto one = fmt::format("GET /api/v1/orgs/acme/exports/{}", id);
  for (const auto& [who, status] : {std::pair("ben", 403), {"zoe", 404}, {"", 401}, {"key", 403}}) {
    EXPECT_EQ(ask("tasks_csv", who).status, status) << who;
    EXPECT_EQ(send(who, one).status, status) << who;
    EXPECT_EQ(send(who, "GET /api/v1/orgs/acme/exports").status, status) << who;
    EXPECT_EQ(download(id, who).status, status) << who;
  }
  // Of another organisation, by its number.
  EXPECT_EQ(send("zoe", fmt::format("GET /api/v1/orgs/other/exports/{}", id)).status, 404);
  EXPECT_EQ(send("zoe", fmt::format("GET /api/v1/orgs/other/exports/{}/download", id)).status, 404);
  EXPECT_TRUE(
      json_of(send("zoe", "GET /api/v1/orgs/other/exports")).at("results").as_array().empty());
}

TEST_P(ExportsTest, the_role_that_counts_is_the_one_at_the_download) {
  work();
  set_role("ben", auth::Role::admin);
  const auto id = begin("tasks_csv", "ben");
  ended(id);
  EXPECT_EQ(download(id, "ben").status, 200);
  EXPECT_EQ(download(id, "anna").status, 200);
  // Behind the back of what is remembered of memberships.
  execute(fmt::format("UPDATE org_members SET role = 1 WHERE user_id = {}", user("ben").value));
  EXPECT_EQ(download(id, "ben").status, 403);
}

TEST_P(ExportsTest, whoever_is_no_admin_any_more_when_it_runs_gets_nothing) {
  set_role("ben", auth::Role::admin);
  const auto id = begin("messages_jsonl", "ben");
  set_role("ben", auth::Role::member);
  work();
  const auto view = ended(id);
  EXPECT_EQ(view.at("status"), "failed");
  EXPECT_EQ(view.at("error").at("code"), "forbidden");
  EXPECT_EQ(code_of(download(id)), "export_failed");
  ASSERT_EQ(told().size(), 1U);
  EXPECT_THAT(
      told()[0],
      HasSubstr(fmt::format(R"(,"job_id":{},"status":"failed","error":{{"code":"forbidden")", id)));
}

TEST_P(ExportsTest, whoever_is_no_admin_any_more_while_it_runs_gets_nothing) {
  set_role("ben", auth::Role::admin);
  say(room("open"), std::string(200, 'x'), 20'000);
  const auto id = begin("messages_jsonl", "ben");
  work();
  while (shown(id).at("status") == "queued") std::this_thread::sleep_for(1ms);
  set_role("ben", auth::Role::moderator);
  const auto view = ended(id);
  EXPECT_EQ(view.at("status"), "failed");
  EXPECT_EQ(view.at("error").at("code"), "forbidden");
}

// One run of a body, without a queue.
class BareRun final : public job::Running {
 public:
  BareRun(std::string uuid, OrgId org, UserId user)
      : uuid_(std::move(uuid)), org_(org), user_(user) {}
  const std::string& uuid() const override { return uuid_; }
  const boost::json::object& arguments() const override { return arguments_; }
  int attempt() const override { return 1; }
  OrgId org() const override { return org_; }
  UserId user() const override { return user_; }
  bool stopping() const override { return false; }
  void progress(double, std::string_view) override {}

 private:
  const std::string uuid_;
  const OrgId org_;
  const UserId user_;
  const boost::json::object arguments_;
};

TEST_P(ExportsTest, whoever_is_no_admin_any_more_when_it_ends_gets_nothing) {
  set_role("ben", auth::Role::admin);
  const auto id = begin("tasks_csv", "ben");
  const auto run = std::make_shared<BareRun>(std::string(shown(id).at("task_id").as_string()),
                                             acme_.org, user("ben"));
  const auto& body = std::get<job::Waits>(registry_.find(Exports::kTask)->body);
  const auto done = db::run_on(executor_, body(run));
  ASSERT_TRUE(done) << done.error().detail << done.error().log;
  set_role("ben", auth::Role::member);
  const auto ending = db::write_blocking(*database_, db::Shard(acme_.org), done->effect);
  ASSERT_FALSE(ending);
  EXPECT_EQ(ending.error().kind, ErrorKind::forbidden);
  EXPECT_EQ(shown(id).at("status"), "running");
  // As the worker writes it down.
  end_job(id, "failed", R"({"code":"forbidden","message":"for operators"})");
  settle();
  const auto view = shown(id);
  EXPECT_EQ(view.at("error").at("code"), "forbidden");
  EXPECT_THAT(std::string(view.at("error").at("message").as_string()),
              HasSubstr("no owner or admin"));
}

TEST_P(ExportsTest, one_that_took_too_long_says_so) {
  for (const auto* code : {"time_limit", "soft_time_limit"}) {
    const auto id = begin("tasks_csv");
    end_job(id, "failed", fmt::format(R"({{"code":"{}","message":"It took 3300000 ms."}})", code));
    settle();
    const auto view = shown(id);
    EXPECT_EQ(view.at("error").at("code"), "time_limit");
    EXPECT_EQ(view.at("error").at("message"), "It took too long, and was given up.");
  }
}

TEST_P(ExportsTest, one_that_failed_and_is_to_run_again_is_queued) {
  const auto id = begin("tasks_csv");
  end_job(id, "failed", R"({"code":"unavailable","message":""})");
  settle();
  ASSERT_EQ(shown(id).at("status"), "failed");
  end_job(id, "scheduled", "{}");
  const auto view = shown(id);
  EXPECT_EQ(view.at("status"), "queued");
  EXPECT_TRUE(view.at("error").is_null());
  EXPECT_TRUE(view.at("ended_at").is_null());
  EXPECT_EQ(begin("tasks_csv"), id);
}

TEST_P(ExportsTest, what_operators_may_know_of_a_failure_is_not_told_to_people) {
  const auto id = begin("tasks_csv");
  end_job(id, "failed", R"({"code":"unavailable","message":"the host db-1 is down"})");
  settle();
  EXPECT_EQ(shown(id).at("error").at("code"), "internal");
  EXPECT_EQ(shown(id).at("error").at("message"), "Something went wrong; try it again.");
}

TEST_P(ExportsTest, one_that_is_tried_again_in_this_moment_is_not_given_up) {
  const auto id = begin("tasks_csv");
  end_job(id, "failed", R"({"code":"unavailable","message":""})");
  // settle() has listed it, and waits to write, while somebody tries it again.
  std::promise<void> begun;
  std::promise<void> go_on;
  std::thread again([&] {
    auto change = [&, first = true](db::WriteTx& tx) mutable {
      if (std::exchange(first, false)) {
        begun.set_value();
        go_on.get_future().wait();
      }
      return job::retry_job(tx, JobId(id));
    };
    EXPECT_TRUE(db::write_blocking(*database_, db::Shard(acme_.org), change)->value);
  });
  begun.get_future().wait();
  std::thread settling([&] { settle(); });
  std::this_thread::sleep_for(
      100ms);  // for it to come so far: where it does not, nothing is tested
  go_on.set_value();
  again.join();
  settling.join();
  EXPECT_EQ(shown(id).at("status"), "queued");
  EXPECT_TRUE(told().empty());
}

TEST_P(ExportsTest, one_under_way_is_that_one_and_eleven_an_hour_are_too_many) {
  const auto first = begin("tasks_csv");
  EXPECT_EQ(begin("tasks_csv"), first);
  EXPECT_NE(begin("messages_jsonl"), first);
  work();
  ended(first);
  for (int i = 0; i < 8; ++i) ended(begin("tasks_csv"));
  limits_.writes = 100;
  const auto refused = ask("tasks_csv");
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.headers.find("retry-after"));
  EXPECT_EQ(refused.headers.find("ratelimit-limit"), "10") << "of this limit, not of writing";
  EXPECT_EQ(refused.headers.find("ratelimit-remaining"), "0");
  EXPECT_TRUE(ask("everything").headers.find("ratelimit-limit"));
  limits_.writes = 0;
  EXPECT_EQ(json_of(send("anna", "GET /api/v1/orgs/acme/exports")).at("results").as_array().size(),
            10U);
  limiter_.set_enabled(false);
  ended(begin("tasks_csv"));
  limiter_.set_enabled(true);
  clock_.advance(1h);
  EXPECT_EQ(ask("tasks_csv").status, 202);
}

TEST_P(ExportsTest, what_a_run_that_died_left_is_not_in_the_next_one) {
  say(room("open"), std::string(300, 'x'), 2'000);
  const auto id = begin("messages_jsonl");
  // A run of before, with pieces.
  execute(fmt::format("UPDATE exports SET run = 1, status = 'running' WHERE id = {}", id));
  auto leave = [&](db::WriteTx& tx) {
    return queries::add_piece(tx.sql(), JobId(id), 1, 0, 1, "x");
  };
  EXPECT_TRUE(db::write_blocking(*database_, db::Shard(), leave)->value);
  work();
  EXPECT_EQ(ended(id).at("lines").as_int64(), 2'000);
  EXPECT_EQ(number("SELECT count(*) FROM export_chunks WHERE run = 1"), 0);
  const auto text = text_of(download(id));
  EXPECT_EQ(std::ranges::count(text, '\n'), 2'000);
  // Nor does it write any more, if it only slept.
  EXPECT_FALSE(db::write_blocking(*database_, db::Shard(), leave)->value);
  EXPECT_EQ(told().size(), 1U);
}

TEST_P(ExportsTest, one_that_is_cancelled_has_failed_and_says_so_once) {
  const auto before = begin("tasks_csv");
  auto cancel = [&](db::WriteTx& tx) { return job::cancel_job(tx, JobId(before)); };
  ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), cancel));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(db::run_on(executor_, service_.settle()));
  EXPECT_EQ(shown(before).at("error").at("code"), "cancelled");
  EXPECT_EQ(told().size(), 1U);
  // It does not stand in the way of the next one.
  EXPECT_NE(begin("tasks_csv"), before);
}

TEST_P(ExportsTest, one_that_is_cancelled_while_it_runs_stops) {
  say(room("open"), std::string(200, 'x'), 20'000);
  const auto id = begin("messages_jsonl");
  work();
  while (shown(id).at("status") == "queued") std::this_thread::sleep_for(1ms);
  auto cancel = [&](db::WriteTx& tx) { return job::cancel_job(tx, JobId(id)); };
  ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), cancel));
  worker_.cancel(JobId(id));
  const auto view = ended(id);
  EXPECT_EQ(view.at("status"), "failed");
  EXPECT_EQ(view.at("error").at("code"), "cancelled");
  ASSERT_TRUE(db::run_on(executor_, service_.sweep()));
  EXPECT_EQ(number("SELECT count(*) FROM export_chunks"), 0);
}

TEST_P(ExportsTest, they_go_after_a_week_with_their_pieces) {
  work();
  const auto id = begin("audit_jsonl");
  ended(id);
  clock_.advance(Exports::kKept - 1ms);
  ASSERT_TRUE(db::run_on(executor_, service_.sweep()));
  EXPECT_EQ(download(id).status, 200);
  clock_.advance(1ms);
  // Before anything is swept.
  EXPECT_EQ(download(id).status, 404);
  EXPECT_EQ(send("anna", fmt::format("GET /api/v1/orgs/acme/exports/{}", id)).status, 404);
  const auto list = json_of(send("anna", "GET /api/v1/orgs/acme/exports"));
  EXPECT_TRUE(list.at("results").as_array().empty());
  ASSERT_TRUE(db::run_on(executor_, service_.sweep()));
  EXPECT_EQ(number("SELECT count(*) FROM export_chunks"), 0);
}

TEST_P(ExportsTest, they_go_with_their_organisation) {
  work();
  ended(begin("audit_jsonl"));
  execute("DELETE FROM jobs");
  execute("DELETE FROM orgs WHERE slug = 'acme'");
  EXPECT_EQ(number("SELECT count(*) FROM exports"), 0);
  ASSERT_TRUE(db::run_on(executor_, service_.sweep()));
  EXPECT_EQ(number("SELECT count(*) FROM export_chunks"), 0);
}

TEST_P(ExportsTest, an_unknown_kind_is_refused) {
  EXPECT_EQ(ask("everything").status, 422);
  EXPECT_EQ(send("anna", "GET /api/v1/orgs/acme/exports/77").status, 404);
}

}  // namespace
}  // namespace indaba::exports
