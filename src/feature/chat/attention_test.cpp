#include "feature/chat/mentions.hpp"
#include "feature/chat/test_chat.hpp"

namespace indaba::chat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Mentions, are_names_behind_an_at_sign_that_begins_a_word) {
  EXPECT_THAT(find_mentions("@anna: ask (@Ben), @carla. And @d-e_f+g@h!").names,
              ElementsAre("anna", "ben", "carla", "d-e_f+g@h"));
  EXPECT_THAT(find_mentions("mail anna@ben.example, é@ben, @, @@, @.x, 5@carla").names, IsEmpty());
  EXPECT_THAT(find_mentions("@anna @ANNA @anna").names, ElementsAre("anna"));
  EXPECT_TRUE(find_mentions("hello @room!").room);
  EXPECT_FALSE(find_mentions("hello @roommate").room);
}

TEST(Mentions, are_bounded) {
  std::string body;
  for (int i = 0; i < 1000; ++i) body += fmt::format("@user{} ", i);
  EXPECT_EQ(find_mentions(body).names.size(), Mentions::kMost);
  EXPECT_THAT(find_mentions(std::string(5000, '@')).names, IsEmpty());
}

class AttentionTest : public ChatFixture {
 protected:
  AttentionTest() {
    for (const auto* name : {"anna", "ben", "mia", "carla", "zoe"}) seen_[name] = told(name).size();
  }
  // Everything on somebody's own stream.
  std::vector<std::string> told(std::string_view who) {
    auto query = [user = user(who)](db::Session& session) {
      return session.all<std::string>(
          "SELECT e.type || e.body FROM events e JOIN users u ON u.me_stream = e.stream_id"
          " WHERE u.id = $1 ORDER BY e.seq",
          [](const db::Row& row) { return row.string(0); }, user);
    };
    const auto found = db::read_blocking(*database_, query);
    EXPECT_TRUE(found) << found.error().log;
    return *found;
  }
  // What came since the last time: the types, "unread" left out.
  std::vector<std::string> news(std::string_view who) {
    const auto all = told(who);
    std::vector<std::string> types;
    for (auto i = seen_[std::string(who)]; i < all.size(); ++i)
      if (!all[i].starts_with("unread")) types.push_back(all[i].substr(0, all[i].find(',')));
    seen_[std::string(who)] = all.size();
    return types;
  }
  http::Response prefer(std::string_view who, std::string body) {
    return send(who, "PUT /api/v1/orgs/acme/rooms/general/notification-preferences",
                std::move(body));
  }
  std::map<std::string, std::size_t> seen_;
};

TEST_F(AttentionTest, who_is_named_answered_or_written_to_is_told_once_a_message) {
  const auto first = say_text("ben", "hello @carla and @carla, @nobody, @zoe, @ben");
  EXPECT_THAT(news("carla"), ElementsAre("mention"));
  EXPECT_THAT(news("ben"), IsEmpty()) << "nobody tells themselves";
  EXPECT_THAT(news("zoe"), IsEmpty()) << "of another organisation";
  say("carla", fmt::format(R"({{"body":"yes","reply_to":{}}})", first));
  EXPECT_THAT(news("ben"), ElementsAre("reply"));
  say("carla", fmt::format(R"({{"body":"@ben @room yes","reply_to":{}}})", first));
  EXPECT_THAT(news("ben"), ElementsAre("mention")) << "the strongest cause alone";
  EXPECT_THAT(news("anna"), ElementsAre("room_mention"));
  EXPECT_THAT(news("mia"), ElementsAre("room_mention"));
  send("ben", fmt::format("POST /api/v1/conversations/{}/messages", user("carla").value),
       R"({"body":"@carla psst @room"})");
  EXPECT_THAT(news("carla"), ElementsAre("direct_message"));
  EXPECT_THAT(news("anna"), IsEmpty());
}

TEST_F(AttentionTest, the_event_says_where_and_counts_and_nothing_of_the_text) {
  const auto id = say_text("ben", "a secret for @carla");
  const auto all = told("carla");
  ASSERT_GE(all.size(), 2U);
  const auto& mention = all[all.size() - 2];
  EXPECT_THAT(mention, HasSubstr(fmt::format(R"("message_id":{})", id)));
  EXPECT_THAT(mention, HasSubstr(R"("author":{"id":)"));
  EXPECT_THAT(mention, HasSubstr(R"("slug":"general")"));
  EXPECT_THAT(mention, HasSubstr(R"("unread":1)"));
  EXPECT_THAT(all.back(), testing::StartsWith("unread"));
  for (const auto& event : all) EXPECT_THAT(event, testing::Not(HasSubstr("secret")));
}

TEST_F(AttentionTest, a_repeat_tells_nobody_again) {
  for (int i = 0; i < 3; ++i) say("ben", R"({"body":"@carla","client_message_id":"c-1"})");
  EXPECT_THAT(news("carla"), ElementsAre("mention"));
}

TEST_F(AttentionTest, who_does_not_see_a_private_room_hears_nothing_of_it) {
  make_room("secret", true);
  let_in("ben", "secret");
  say_text("ben", "@carla @mia @anna @room", "secret");
  EXPECT_THAT(news("carla"), IsEmpty());
  EXPECT_THAT(news("mia"), IsEmpty());
  EXPECT_THAT(news("anna"), ElementsAre("mention"));
}

TEST_F(AttentionTest, the_author_of_a_message_who_was_taken_out_gets_no_reply) {
  make_room("secret", true);
  let_in("ben", "secret");
  const auto id = say_text("ben", "hello", "secret");
  put_out("ben", "secret");
  news("ben");
  say("anna", fmt::format(R"({{"body":"@ben gone","reply_to":{}}})", id), "secret");
  EXPECT_THAT(news("ben"), IsEmpty());
}

TEST_F(AttentionTest, levels_and_muting_are_kept_and_obeyed) {
  EXPECT_THAT(send("carla", "GET /api/v1/orgs/acme/rooms/general/notification-preferences").body,
              HasSubstr(R"({"level":"mentions","muted_until":null})"));
  EXPECT_EQ(prefer("carla", R"({"level":"none"})").status, 200);
  say_text("ben", "@carla @room");
  EXPECT_THAT(news("carla"), IsEmpty());
  const auto soon = to_rfc3339(clock_.wall() + std::chrono::hours(1));
  prefer("carla", fmt::format(R"({{"level":"all","muted_until":"{}"}})", soon));
  say_text("ben", "@carla");
  EXPECT_THAT(news("carla"), IsEmpty());
  clock_.advance(std::chrono::hours(2));
  say_text("ben", "@carla");
  EXPECT_THAT(news("carla"), ElementsAre("mention"));
  EXPECT_EQ(prefer("carla", R"({"level":"loud"})").status, 422);
  EXPECT_EQ(prefer("zoe", R"({"level":"all"})").status, 404);
}

TEST_F(AttentionTest, blocked_people_are_not_told_of_each_other) {
  auto change = [this](db::WriteTx& tx) {
    return tx.sql().execute(
        "INSERT INTO user_blocks (user_id, blocked_id, created_at) VALUES ($1, $2, 1)",
        user("carla"), user("ben"));
  };
  ASSERT_TRUE(db::write_blocking(*database_, db::Shard(), change));
  say_text("ben", "@carla @room");
  say_text("carla", "@ben");
  EXPECT_THAT(news("carla"), IsEmpty());
  EXPECT_THAT(news("ben"), IsEmpty());
}

}  // namespace
}  // namespace indaba::chat
