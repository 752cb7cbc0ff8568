// The bridge with a layer and streams of the test's own: what it lets through, and what it does
// when the database or the lead is gone.
#include "cluster/bridge.hpp"

#include "db/test_database.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <condition_variable>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FakeLayer final : public ChannelLayer {
 public:
  explicit FakeLayer(bool every_node) : every_node_(every_node) {}
  void start(ChannelLayerListener& told) override { listener = &told; }
  void stop() override {}
  [[nodiscard]] bool every_node_hears() const noexcept override { return every_node_; }
  void set_receiving(bool now) override { receiving = now; }
  std::size_t follow(std::span<const std::string> groups) override {
    const std::scoped_lock lock(mutex);
    followed.insert(followed.end(), groups.begin(), groups.end());
    return left_out;
  }
  void group_send(const std::string& group, const boost::json::object& message) override {
    const std::scoped_lock lock(mutex);
    sent.push_back(group + " " + boost::json::serialize(message));
  }
  [[nodiscard]] ChannelLayerStats stats() const override { return {}; }

  std::mutex mutex;
  std::vector<std::string> followed;
  std::vector<std::string> sent;
  std::atomic<ChannelLayerListener*> listener{nullptr};
  std::atomic<bool> receiving{false};
  std::size_t left_out = 0;  // of what is to be followed

 private:
  const bool every_node_;
};

// Streams: of the organisation 1 ("acme") the notifications are stream 10, and the topic "ticks",
// which keeps nothing, 11; of the user 2, 20.
class FakeSink final : public BridgeSink {
 public:
  Task<Result<std::optional<KnownStream>>> find(BridgeStream stream) override {
    ++finds;
    if (away) co_return Error(ErrorKind::unavailable, "away");
    for (const auto& known : streams())
      if (known.name.kind == stream.kind && known.name.topic == stream.topic &&
          known.name.user == stream.user &&
          (known.name.org == stream.org || known.name.slug == stream.slug))
        co_return std::optional(known);
    co_return std::optional<KnownStream>();
  }
  Task<Result<std::optional<KnownStream>>> find(StreamId stream) override {
    for (const auto& known : streams())
      if (known.id == stream) co_return std::optional(known);
    co_return std::optional<KnownStream>();
  }
  Task<Result<Blanks>> blanks(GroupMapping mapping, std::int64_t after) override {
    Blanks blanks;
    const std::int64_t id = mapping.stream.kind == BridgeStream::Kind::me ? 2 : 1;
    if (after < id) blanks.emplace_back(id, std::to_string(id));
    co_return blanks;
  }
  Result<std::string> body_of(BridgeStream::Kind, const boost::json::object& members) override {
    if (members.contains("seq")) return Error(ErrorKind::invalid, "seq is the event's own");
    return "," + boost::json::serialize(members);
  }
  Task<Result<void>> append(KnownStream stream, std::vector<BridgeEvent> events,
                            Leader::Fence) override {
    ++appends;
    const std::scoped_lock lock(mutex);
    if (away) co_return Error(ErrorKind::unavailable, "away");
    for (const auto& event : events)
      if (event.type == "poison") co_return Error(ErrorKind::conflict, "poison");
    for (const auto& event : events) {
      if (!keys.insert(event.dedupe_key).second) continue;
      kept.push_back(std::to_string(stream.id.value) + " " + event.type + event.body);
    }
    co_return Result<void>();
  }
  void publish(const KnownStream& stream, BridgeEvent event, bool on_all_nodes) override {
    const std::scoped_lock lock(mutex);
    passed.push_back(std::to_string(stream.id.value) + " " + event.type + event.body +
                     (on_all_nodes ? " to all" : ""));
  }

  std::atomic<bool> away{false};
  std::atomic<int> finds{0};
  std::atomic<int> appends{0};
  std::mutex mutex;
  std::vector<std::string> kept;
  std::vector<std::string> passed;
  std::set<std::string> keys;

 private:
  static std::vector<KnownStream> streams() {
    KnownStream notes{StreamId(10), true, {}};
    notes.name.org = OrgId(1);
    notes.name.slug = "acme";
    auto ticks = notes;
    ticks.id = StreamId(11);
    ticks.durable = false;
    ticks.name.kind = BridgeStream::Kind::topic;
    ticks.name.topic = "ticks";
    KnownStream me{StreamId(20), true, {}};
    me.name.kind = BridgeStream::Kind::me;
    me.name.user = UserId(2);
    return {notes, ticks, me};
  }
};

class BridgeTest : public testing::Test {
 protected:
  BridgeTest() {
    database_ = *db::SqliteDatabase::open({.file = folder_.path() / "test.db"}, sequencer_, clock_);
  }
  ~BridgeTest() override {
    bridge_.reset();
    database_->stop();
  }
  void start(const std::vector<std::string>& mappings, bool every_node = true) {
    std::vector<GroupMapping> parsed;
    for (const auto& text : mappings) parsed.push_back(*GroupMapping::parse(text, {}, {}));
    bridge_ = std::make_unique<Bridge>(Bridge::Parts{*database_, sink_, clock_, random_, log_},
                                       std::move(parsed), [&](net::Loop&) {
                                         auto layer = std::make_unique<FakeLayer>(every_node);
                                         layer->left_out = left_out_;
                                         layer_ = layer.get();
                                         return layer;
                                       });
    bridge_->start();
    ASSERT_TRUE(
        eventually([&] { return bridge_->stats().leading && layer_->listener != nullptr; }));
  }
  static bool eventually(const std::function<bool()>& what) {
    for (int i = 0; i < 2000; ++i) {
      if (what()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  void say(const std::string& group, const std::string& type, const char* members = "{}",
           std::string id = {}, std::function<void()> done = {}) {
    GroupMessage message;
    message.group = group;
    message.type = type;
    message.members = boost::json::parse(members).as_object();
    message.bytes = 100;
    message.id = std::move(id);
    message.done = std::move(done);
    layer_->listener.load()->on_group_message(std::move(message));
  }
  std::vector<std::string> kept(std::size_t count) {
    eventually([&] {
      const std::scoped_lock lock(sink_.mutex);
      return sink_.kept.size() >= count;
    });
    const std::scoped_lock lock(sink_.mutex);
    return sink_.kept;
  }

  db::TemporaryFolder folder_;
  SystemClock clock_;
  SystemRandom random_;
  Logger log_ = Logger::null();
  db::CountingSequencer sequencer_;
  std::unique_ptr<db::Database> database_;
  FakeSink sink_;
  FakeLayer* layer_ = nullptr;
  std::size_t left_out_ = 0;
  std::unique_ptr<Bridge> bridge_;
};

TEST_F(BridgeTest, lets_in_what_is_named_and_nothing_else) {
  start({"org-<id> orgs/<id>/notifications in=note|poison", "user-<id> users/<id>/me in=note"});
  say("org-1", "note", R"({"n":1})");
  say("org-1", "other");
  say("org-7", "note");
  say("lobby", "note");
  say("org-1", "note", R"({"seq":1})");
  say("user-2", "note", R"({"n":2})");
  ASSERT_TRUE(eventually([&] { return bridge_->stats().refused == 4; }));
  EXPECT_THAT(kept(2), testing::UnorderedElementsAre("10 note,{\"n\":1}", "20 note,{\"n\":2}"));
  EXPECT_EQ(bridge_->stats().delivered, 2);
}

TEST_F(BridgeTest, one_that_cannot_be_kept_does_not_take_the_others_with_it) {
  start({"org-<id> orgs/<id>/notifications in=note|poison"});
  sink_.away = true;  // so that they come to one batch
  for (int i = 0; i < 5; ++i) say("org-1", i == 2 ? "poison" : "note");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  sink_.away = false;
  EXPECT_EQ(kept(4).size(), 4);
  EXPECT_TRUE(eventually([&] { return bridge_->stats().refused == 1; }));
}

TEST_F(BridgeTest, waits_for_the_database_and_keeps_the_order) {
  start({"org-<id> orgs/<id>/notifications in=note"});
  say("org-1", "note", R"({"n":0})");
  ASSERT_EQ(kept(1).size(), 1);
  sink_.away = true;
  std::vector<std::string> wanted{"10 note,{\"n\":0}"};
  for (int i = 1; i < 1200; ++i) {
    const auto members = "{\"n\":" + std::to_string(i) + "}";
    say("org-1", "note", members.c_str());
    wanted.push_back("10 note," + members);
  }
  ASSERT_TRUE(eventually([&] { return sink_.appends > 2; }));
  sink_.away = false;
  EXPECT_EQ(kept(1200), wanted);
  EXPECT_EQ(bridge_->stats().dropped, 0);
}

TEST_F(BridgeTest, what_nobody_keeps_goes_to_the_readers_of_this_node) {
  start({"ticks orgs/acme/topics/ticks in=tick"});  // as kept, but the topic keeps nothing
  say("ticks", "tick");
  ASSERT_TRUE(eventually([&] { return bridge_->stats().delivered == 1; }));
  EXPECT_THAT(sink_.passed, ElementsAre("11 tick,{}"));
  EXPECT_THAT(sink_.kept, IsEmpty());
}

TEST_F(BridgeTest, where_one_node_hears_it_tells_the_readers_of_all) {
  start({"org-<id> orgs/<id>/notifications ephemeral in=note"}, false);
  ASSERT_TRUE(eventually([&] { return layer_->receiving.load(); }));
  EXPECT_THAT(layer_->followed, ElementsAre("org-1"));
  std::atomic<int> done{0};
  say("org-1", "note", "{}", "id", [&] { ++done; });
  ASSERT_TRUE(eventually([&] { return done == 1; }));
  EXPECT_THAT(sink_.passed, ElementsAre("10 note,{} to all"));
}

TEST_F(BridgeTest, says_how_many_groups_the_layer_cannot_follow) {
  left_out_ = 7;
  start({"lobby orgs/acme/topics/ticks in=tick", "org-<id> orgs/<id>/notifications in=note",
         "user-<id> users/<id>/me in=note"},
        false);
  ASSERT_TRUE(eventually([&] { return layer_->receiving.load(); }));
  EXPECT_EQ(bridge_->stats().left_out, 14);  // by the two that have a blank
  EXPECT_EQ(bridge_->stats().dropped, 0);
}

TEST_F(BridgeTest, a_message_that_the_layer_hands_over_again_is_there_once) {
  start({"org-<id> orgs/<id>/notifications in=note"}, false);
  std::atomic<int> done{0};
  for (int i = 0; i < 3; ++i) say("org-1", "note", "{}", "the same", [&] { ++done; });
  ASSERT_TRUE(eventually([&] { return done == 3; }));
  EXPECT_EQ(kept(1).size(), 1);
}

stream::EventPtr event(std::int64_t stream, std::string type, std::string body) {
  auto made = std::make_shared<stream::Event>();
  made->stream = StreamId(stream);
  made->seq = Seq(5);
  made->created_at = from_millis(1'768'000'000'000);
  made->type = std::move(type);
  made->body = std::move(body);
  return made;
}

TEST_F(BridgeTest, sends_events_that_are_named_into_the_groups_of_their_stream) {
  start({"org-<id> orgs/<id>/notifications out=deploy",
         "team-<slug> orgs/<slug>/notifications out=deploy",
         "ticks orgs/acme/topics/ticks out=other"});
  const std::vector<stream::EventPtr> events{
      event(10, "deploy", R"(,"version":"1","__asgi_channel__":"x")"),
      event(10, "secret", R"(,"a":1)"), event(11, "deploy", ""), event(99, "deploy", ""),
      event(20, "deploy", "")};
  bridge_->on_committed(events);
  ASSERT_TRUE(eventually([&] { return bridge_->stats().sent == 2; }));
  const std::scoped_lock lock(layer_->mutex);
  EXPECT_THAT(
      layer_->sent,
      ElementsAre(
          R"(org-1 {"type":"deploy","seq":5,"created_at":"2026-01-09T23:06:40.000Z","version":"1"})",
          R"(team-acme {"type":"deploy","seq":5,"created_at":"2026-01-09T23:06:40.000Z","version":"1"})"));
}

TEST_F(BridgeTest, does_not_send_back_what_came_from_the_same_group) {
  start({"org-1 orgs/acme/notifications in=note", "org-<id> orgs/<id>/notifications out=note"});
  const std::vector<stream::EventPtr> events{event(10, "note", "")};
  bridge_->on_committed(events);
  say("org-1", "note");
  ASSERT_EQ(kept(1).size(), 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(bridge_->stats().sent, 0);
}

TEST_F(BridgeTest, drops_and_counts_what_is_too_much) {
  start({"org-<id> orgs/<id>/notifications in=note"});
  sink_.away = true;
  for (std::int64_t i = 0; i < Bridge::kMostWaiting + 100; ++i) say("org-1", "note");
  EXPECT_EQ(bridge_->stats().dropped, 100);
  bridge_->stop();  // in time, although nothing can be written
}

}  // namespace
}  // namespace indaba::cluster
