#include "feature/chat/test_chat.hpp"

namespace indaba::chat {
namespace {

class HistoryTest : public ChatFixture {
 protected:
  HistoryTest() {
    make_room("other");
    for (int i = 1; i <= 9; ++i) {
      ids_.push_back(say_text("ben", std::to_string(i)));
      say_text("ben", "elsewhere", "other");  // ids of a room have holes
    }
  }
  boost::json::object page(std::string_view query) { return history("anna", query); }
  [[nodiscard]] std::int64_t id(std::size_t number) const { return ids_[number - 1]; }

  std::vector<std::int64_t> ids_;
};

void expect_page(const boost::json::object& page, std::string_view wanted, bool more, bool newer) {
  std::string bodies;
  for (const auto& message : page.at("messages").as_array())
    bodies += std::string_view(message.at("body").as_string());
  EXPECT_EQ(bodies, wanted);
  EXPECT_EQ(page.at("has_more"), more);
  EXPECT_EQ(page.at("has_newer"), newer);
}

TEST_F(HistoryTest, the_newest_come_first) {
  expect_page(page(""), "987654321", false, false);
  expect_page(page("?limit=9"), "987654321", false, false);
  expect_page(page("?limit=4"), "9876", true, false);
}

TEST_F(HistoryTest, older_ones_are_read_before_an_id) {
  expect_page(page(fmt::format("?before_id={}&limit=3", id(6))), "543", true, true);
  expect_page(page(fmt::format("?before_id={}&limit=3", id(4))), "321", false, true);
  expect_page(page(fmt::format("?before_id={}&limit=3", id(1))), "", false, true);
  expect_page(page(fmt::format("?before_id={}&limit=3", id(9) + 1'000)), "987", true, false);
}

TEST_F(HistoryTest, newer_ones_are_read_after_an_id) {
  expect_page(page(fmt::format("?after_id={}&limit=3", id(4))), "765", true, true);
  expect_page(page(fmt::format("?after_id={}&limit=3", id(6))), "987", true, false);
  expect_page(page(fmt::format("?after_id={}&limit=3", id(9))), "", true, false);
  expect_page(page(fmt::format("?after_id={}&limit=20", id(1))), "98765432", true, false);
}

TEST_F(HistoryTest, the_neighbours_of_a_message_are_read_around_it) {
  expect_page(page(fmt::format("?around_id={}&limit=4", id(5))), "7654", true, true);
  expect_page(page(fmt::format("?around_id={}&limit=5", id(5))), "76543", true, true);
  expect_page(page(fmt::format("?around_id={}&limit=4", id(9))), "9876", true, false);
  expect_page(page(fmt::format("?around_id={}&limit=4", id(1))), "321", false, true);
  expect_page(page(fmt::format("?around_id={}&limit=1", id(5))), "5", true, true);
}

TEST_F(HistoryTest, pages_before_and_after_meet_without_a_gap_while_messages_arrive) {
  std::vector<std::string> seen;
  auto query = std::string("?limit=4");
  for (;;) {
    const auto read = page(query);
    for (const auto& message : read.at("messages").as_array()) {
      seen.emplace_back(message.at("body").as_string());
      query = fmt::format("?limit=4&before_id={}", message.at("id").as_int64());
    }
    if (!read.at("has_more").as_bool()) break;
    say_text("ben", "x");
  }
  EXPECT_THAT(seen, testing::ElementsAre("9", "8", "7", "6", "5", "4", "3", "2", "1"));
}

TEST_F(HistoryTest, a_place_is_named_once) {
  EXPECT_EQ(page("?before_id=5&after_id=3").at("status"), 422);
  EXPECT_EQ(page("?before_id=0").at("status"), 422);
  EXPECT_EQ(page("?limit=201").at("status"), 422);
  EXPECT_EQ(page("?colour=1").at("status"), 422);
}

TEST_F(HistoryTest, nobody_else_reads_it) {
  EXPECT_EQ(history("zoe").at("status"), 404);
  make_room("secret", true);
  EXPECT_EQ(history("ben", "", "secret").at("status"), 404);
  EXPECT_EQ(send("ben", "GET /api/v1/orgs/acme/rooms/secret/events/1").status, 404);
  EXPECT_EQ(send("ben", "GET /api/v1/orgs/acme/rooms/general/events/99").status, 404);
}

}  // namespace
}  // namespace indaba::chat
