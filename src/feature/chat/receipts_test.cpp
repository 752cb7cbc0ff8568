#include "feature/chat/test_chat.hpp"

namespace indaba::chat {
namespace {

class ReceiptsTest : public ChatFixture {
 protected:
  http::Response read(std::string_view who, std::int64_t up_to, std::string_view room = "general") {
    return send(who, fmt::format("POST /api/v1/orgs/acme/rooms/{}/read", room),
                fmt::format(R"({{"up_to":{}}})", up_to));
  }
  std::int64_t unread(std::string_view who, std::string_view room = "general") {
    auto org = acme_;
    org.role = who == "anna" ? auth::Role::owner : auth::Role::member;
    const auto rooms = db::run_on(executor_, service_.unread(org, user(who)));
    for (const auto& one : *rooms)
      if (one.slug == room) return one.unread;
    return -1;
  }
};

TEST_F(ReceiptsTest, what_is_unread_follows_from_the_position_and_counts_messages_alone) {
  const auto first = say_text("ben", "1");
  say_text("ben", "2");
  send("ben", fmt::format("PATCH /api/v1/messages/{}", first), R"({"body":"one"})");
  send("ben", fmt::format("PUT /api/v1/messages/{}/reactions/x", first));
  EXPECT_EQ(unread("anna"), 2);
  EXPECT_EQ(unread("ben"), 0) << "whoever writes has read";
  EXPECT_EQ(
      read("anna", 1).body.find(R"("unread":1,"last_read_seq":1,"head":4)") != std::string::npos,
      true);
  EXPECT_EQ(unread("anna"), 1);
  read("anna", 100);
  EXPECT_EQ(unread("anna"), 0);
}

TEST_F(ReceiptsTest, a_receipt_never_moves_back_and_is_told_once) {
  say_text("ben", "1");
  say_text("ben", "2");
  read("anna", 2);
  read("anna", 1);
  read("anna", 2);
  EXPECT_EQ(unread("anna"), 0);
  const auto told = events();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_THAT(told[2], testing::HasSubstr(R"("type":"read_receipt")"));
  EXPECT_THAT(told[2], testing::HasSubstr(R"("up_to":2)"));
  const auto receipts = send("ben", "GET /api/v1/orgs/acme/rooms/general/receipts");
  EXPECT_EQ(json_of(receipts).at("results").as_array().size(), 2U);
}

TEST_F(ReceiptsTest, the_frame_takes_a_seq_or_messages_of_which_the_newest_counts) {
  const auto first = say_text("ben", "1");
  const auto second = say_text("ben", "2");
  say_text("ben", "3");
  EXPECT_EQ(frame("carla",
                  fmt::format(R"({{"type":"read_receipt","message_ids":[{},{}]}})", second, first)),
            "ok");
  EXPECT_EQ(unread("carla"), 1);
  EXPECT_EQ(frame("carla", R"({"type":"read_receipt","up_to":3})"), "ok");
  EXPECT_EQ(unread("carla"), 0);
  EXPECT_EQ(frame("carla", R"({"type":"read_receipt"})"), "missing_field");
  EXPECT_EQ(frame("carla", R"({"type":"read_receipt","up_to":1,"message_ids":[1]})"),
            "missing_field");
  EXPECT_EQ(frame("carla", R"({"type":"read_receipt","message_ids":[999]})"), "invalid_field");
  EXPECT_EQ(frame("zoe", R"({"type":"read_receipt","up_to":1})"), "not_found");
}

TEST_F(ReceiptsTest, a_private_rooms_count_is_its_members) {
  make_room("secret", true);
  say_text("anna", "1", "secret");
  EXPECT_EQ(unread("ben", "secret"), -1);
  EXPECT_EQ(read("ben", 1, "secret").status, 404);
  EXPECT_EQ(send("ben", "GET /api/v1/orgs/acme/rooms/secret/receipts").status, 404);
  let_in("ben", "secret");
  EXPECT_EQ(unread("ben", "secret"), 1);
}

TEST_F(ReceiptsTest, history_begins_at_the_first_unread_message) {
  for (int i = 1; i <= 9; ++i) say_text("ben", std::to_string(i));
  read("anna", 5);
  EXPECT_THAT(bodies(history("anna", "?anchor=first_unread&limit=4")),
              testing::ElementsAre("8", "7", "6", "5"));
  read("anna", 9);
  EXPECT_THAT(bodies(history("anna", "?anchor=first_unread&limit=2")),
              testing::ElementsAre("9", "8"));
  EXPECT_EQ(history("anna", "?anchor=first_unread&before_id=3").at("status"), 422);
}

TEST_F(ReceiptsTest, what_is_marked_unread_counts_again_for_oneself_and_nobody_else_is_told) {
  say_text("ben", "1");
  const auto second = say_text("ben", "2");
  say_text("ben", "3");
  read("anna", 3);
  const auto before = events().size();
  const auto marked = send("anna", "POST /api/v1/orgs/acme/rooms/general/unread",
                           fmt::format(R"({{"from_id":{}}})", second));
  EXPECT_EQ(json_of(marked).at("unread"), 2) << marked.body;
  EXPECT_EQ(unread("anna"), 2);
  EXPECT_EQ(events().size(), before);
  const auto receipts = json_of(send("ben", "GET /api/v1/orgs/acme/rooms/general/receipts"));
  EXPECT_THAT(boost::json::serialize(receipts), testing::HasSubstr(R"("up_to":3)"));
  EXPECT_THAT(bodies(history("anna", "?anchor=first_unread&limit=2")),
              testing::ElementsAre("3", "2"));
  read("anna", 3);
  EXPECT_EQ(unread("anna"), 0);
  EXPECT_EQ(events().size(), before) << "they know it already";
  EXPECT_EQ(
      send("anna", "POST /api/v1/orgs/acme/rooms/general/unread", R"({"from_id":4711})").status,
      422);
}

}  // namespace
}  // namespace indaba::chat
