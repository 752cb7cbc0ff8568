// The example of docs/jobs.md, word for word, so that whoever copies it has what runs.
#include "db/database.hpp"
#include "feature/notifications/notifications.hpp"
#include "feature/orgs/orgs.hpp"
#include "feature/orgs/test_feature.hpp"
#include "job/celery_run.hpp"
#include "job/queue.hpp"
#include "job/worker.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace indaba::digest {

// clang-format off
class Digest {
 public:
  static constexpr std::string_view kTask = "orgs.digest";
  Digest(db::Database& database, const job::Queue& queue) : database_(database), queue_(queue) {}

  void add_tasks(job::Registry& registry);
  // As part of somebody's change: at once, and one at a time.
  Result<job::Enqueued> want(db::WriteTx& tx, OrgId org, const std::string& slug) const;

 private:
  db::Database& database_;
  const job::Queue& queue_;
};

namespace {

constexpr std::string_view kCount =
    "SELECT count(*) FROM tasks WHERE org_id = $1 AND status <> 'done'";

struct Found {
  orgs::Org org;
  std::int64_t open = 0;
};

Result<Found> count(db::Session& session, const std::string& slug) {
  INDABA_TRY(const auto org, orgs::find_org(session, slug));
  if (!org) return Error(ErrorKind::not_found, "There is no such organisation.");  // final
  INDABA_TRY(const auto open,
             session.first<std::int64_t>(
                 kCount, [](const db::Row& row) { return row.int64(0); }, org->id));
  return Found{*org, open.value_or(0)};
}

// A function of its own, with its parameters by value: a coroutine outlives what it was called with.
Task<Result<job::Done>> run(db::Database* database, std::shared_ptr<job::Running> run) {
  const auto* named = run->arguments().if_contains("org");
  if (named == nullptr || !named->is_string())
    co_return Error::invalid_field("org", "must be the slug of an organisation.");
  auto query = [slug = std::string(named->get_string())](db::Session& session) {
    return count(session, slug);
  };
  auto reading = database->read(query);
  INDABA_CO_TRY(const auto found, co_await reading);
  if (run->stopping()) co_return job::stopped();  // cancelled, too long, or the process ends
  run->progress(0.5, "counted");
  job::Done done;
  done.result = fmt::format(R"({{"open":{}}})", found.open);
  done.shard = db::Shard(found.org.id);
  done.effect = [found](db::WriteTx& tx) {  // with the success, or not at all
    notifications::NewNotification news;
    news.type = api::EventType("digest");
    news.payload.text = fmt::format(R"({{"open":{}}})", found.open);
    return notifications::Notifications::announce(tx, found.org, news);
  };
  co_return done;
}

}  // namespace

void Digest::add_tasks(job::Registry& registry) {
  registry.add({.name = std::string(kTask),
                .body = job::Waits([this](std::shared_ptr<job::Running> one) {
                  return run(&database_, std::move(one));
                }),
                .limits = {.soft = std::chrono::seconds(20), .hard = std::chrono::seconds(30)},
                .celery = true,
                .aliases = {"communityhub.tasks.digest"},
                .parameters = {"org"},
                .required = 1});
}

Result<job::Enqueued> Digest::want(db::WriteTx& tx, OrgId org, const std::string& slug) const {
  job::Wanted wanted{.task = std::string(kTask), .org = org};
  wanted.arguments["org"] = slug;
  wanted.unique_key = fmt::format("{} {}", kTask, org.value);
  return queue_.enqueue(tx, wanted);
}

namespace {

using namespace std::chrono_literals;

class DigestTest : public orgs::FeatureFixture, public testing::WithParamInterface<db::Backend> {
 protected:
  DigestTest() : FeatureFixture(GetParam()) { digest_.add_tasks(registry_); }
  ~DigestTest() override { worker_.stop_blocking(5s); }

  std::optional<job::Job> ended(JobId id) {
    for (int i = 0; i < 5'000; ++i) {
      auto query = [id](db::Session& session) { return job::find_job(session, id); };
      auto job = db::read_blocking(*database_, query).value();
      if (!job || job->ended_at) return job;
      std::this_thread::sleep_for(2ms);
    }
    return std::nullopt;
  }

  job::Registry registry_;
  job::Queue queue_{registry_, system_clock_, random_};
  Digest digest_{*database_, queue_};
  Logger log_ = Logger::null();
  db::TestExecutor work_;
  job::Worker worker_{{*database_, registry_, system_clock_, random_, log_, work_}, {}};
};

INSTANTIATE_TEST_SUITE_P(
    Each, DigestTest, testing::ValuesIn(db::present({db::Backend::sqlite, db::Backend::postgres})),
    db::backend_name);

TEST_P(DigestTest, tells_how_many_tasks_are_open) {
  auto change = [&](db::WriteTx& tx) { return digest_.want(tx, acme_.org, "acme"); };
  const auto first = db::write_blocking(*database_, db::Shard(acme_.org), change).value().value;
  const auto second = db::write_blocking(*database_, db::Shard(acme_.org), change).value().value;
  EXPECT_EQ(first.id, second.id);
  worker_.start();
  const auto job = ended(first.id).value();
  EXPECT_EQ(job.state, job::State::done);
  EXPECT_EQ(job.result, R"({"open":0})");
}
// clang-format on

TEST_P(DigestTest, celery_may_call_it_by_its_other_name_with_its_argument) {
  const auto* task = registry_.find("communityhub.tasks.digest");
  ASSERT_NE(task, nullptr);
  EXPECT_TRUE(task->celery);
  job::celery::Message message;
  message.args = {"acme"};
  EXPECT_EQ(job::celery::named_arguments(message, *task).value(),
            (boost::json::object{{"org", "acme"}}));
  message.args = {};
  EXPECT_FALSE(job::celery::named_arguments(message, *task));
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(DigestExample, stands_in_the_documentation_word_for_word) {
  const auto own = text_of(INDABA_SOURCE_DIR "/src/app/digest_example_test.cpp");
  const auto docs = text_of(INDABA_SOURCE_DIR "/docs/jobs.md");
  constexpr std::string_view kOpen = "```cpp\n";
  int found = 0;
  for (auto at = docs.find(kOpen); at != std::string::npos; at = docs.find(kOpen, at)) {
    at += kOpen.size();
    const auto block = docs.substr(at, docs.find("```", at) - at);
    if (block.find("Digest") == std::string::npos) continue;
    EXPECT_NE(own.find(block), std::string::npos) << block;
    ++found;
  }
  EXPECT_EQ(found, 3);
}

}  // namespace
}  // namespace indaba::digest
