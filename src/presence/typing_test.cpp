#include "presence/typing.hpp"

#include "presence/test_presence.hpp"
#include "presence/typing_budget.hpp"

#include <gmock/gmock.h>

namespace indaba::presence {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TypingTest : public testing::Test {
 protected:
  static constexpr StreamId kRoom{1};
  static constexpr UserId kAnna{7};

  void start(StreamId stream = kRoom) { typing_.start(stream, kAnna, "anna", phone_); }
  void pass(int milliseconds) {
    for (; milliseconds > 0; milliseconds -= 50) {
      clock_.advance(Millis(50));
      typing_.sweep();
    }
  }
  static std::string said(bool is_typing) {
    return std::string(R"(1 not 7: ,"user":{"id":7,"username":"anna"},"is_typing":)") +
           (is_typing ? "true" : "false");
  }

  ManualClock clock_;
  RecordingSigns signs_;
  Typing typing_{clock_, signs_};
  const Typing::Device phone_ = typing_.new_device();
  const Typing::Device laptop_ = typing_.new_device();
};

TEST_F(TypingTest, is_told_to_all_but_its_user_and_ends_by_itself) {
  start();
  EXPECT_EQ(signs_.signs.at(0).type, "typing");
  EXPECT_THAT(signs_.heard(), ElementsAre(said(true)));
  pass(5'950);
  EXPECT_THAT(signs_.heard(), IsEmpty());
  pass(50);
  EXPECT_THAT(signs_.heard(), ElementsAre(said(false)));
  pass(10'000);
  EXPECT_THAT(signs_.heard(), IsEmpty()) << "once";
  EXPECT_EQ(typing_.size(), 0U);
}

TEST_F(TypingTest, of_all_devices_together_is_told_once_a_second) {
  for (int i = 0; i < 20; ++i) {  // for two seconds
    start();
    start();
    pass(100);
  }
  EXPECT_THAT(signs_.heard(), ElementsAre(said(true), said(true)));
  pass(5'800);
  EXPECT_THAT(signs_.heard(), IsEmpty()) << "six seconds from the last one";
  pass(200);
  EXPECT_THAT(signs_.heard(), ElementsAre(said(false)));
}

TEST_F(TypingTest, that_stops_is_told_once) {
  typing_.stop(kRoom, kAnna);
  start();
  typing_.stop(kRoom, kAnna);
  typing_.stop(kRoom, kAnna);
  EXPECT_THAT(signs_.heard(), ElementsAre(said(true), said(false)));
  pass(10'000);
  EXPECT_THAT(signs_.heard(), IsEmpty());
}

TEST_F(TypingTest, what_another_node_tells_counts_as_told_here) {
  const auto sign = [](bool is_typing) {
    return stream::Event{kRoom, {}, {}, "typing", said(is_typing).substr(9), kAnna};
  };
  typing_.heard(sign(true));
  start();
  EXPECT_THAT(signs_.heard(), IsEmpty()) << "once a second, of all nodes together";
  typing_.stop(kRoom, kAnna);  // their message was sent by this node
  EXPECT_THAT(signs_.heard(), ElementsAre(said(false)));
  typing_.stop(kRoom, kAnna);
  EXPECT_THAT(signs_.heard(), IsEmpty());

  pass(2'000);
  typing_.heard(sign(true));
  pass(7'000);
  typing_.heard(sign(false));
  pass(10'000);
  EXPECT_THAT(signs_.heard(), IsEmpty()) << "who shows it ends it";
  EXPECT_EQ(typing_.size(), 0U);
  typing_.heard(sign(false));
  typing_.heard({kRoom, {}, {}, "presence", "", kAnna});
  EXPECT_EQ(typing_.size(), 0U);
}

TEST_F(TypingTest, that_flickers_is_told_once_a_second_and_rightly_in_the_end) {
  for (int i = 0; i < 9; ++i) {
    start();
    typing_.stop(kRoom, kAnna);
    pass(100);
  }
  EXPECT_THAT(signs_.heard(), ElementsAre(said(true), said(false)));
  start();
  EXPECT_THAT(signs_.heard(), IsEmpty());
  pass(100);
  EXPECT_THAT(signs_.heard(), ElementsAre(said(true))) << "what had to wait is told";
}

TEST_F(TypingTest, of_a_node_that_died_is_ended_by_those_that_heard_it) {
  typing_.heard({kRoom, {}, {}, "typing", said(true).substr(9), kAnna});
  pass(7'950);
  EXPECT_THAT(signs_.heard(), IsEmpty()) << "it has its time to end it itself";
  pass(50);
  EXPECT_THAT(signs_.heard(), ElementsAre(said(false)));
  pass(1'000);
  EXPECT_EQ(typing_.size(), 0U);
}

TEST_F(TypingTest, ends_when_the_last_device_goes_that_said_it) {
  start();
  start(StreamId(2));
  typing_.start(kRoom, kAnna, "anna", laptop_);
  (void)signs_.heard();
  typing_.gone(typing_.new_device());
  pass(50);
  EXPECT_THAT(signs_.heard(), IsEmpty()) << "another one, which only reads";
  typing_.gone(phone_);
  pass(50);
  EXPECT_EQ(signs_.heard().size(), 1U) << "in the room where only this one wrote";
  typing_.gone(laptop_);
  pass(50);
  EXPECT_THAT(signs_.heard(), ElementsAre(said(false)));
  pass(1'000);
  EXPECT_EQ(typing_.size(), 0U);
}

TEST_F(TypingTest, of_too_many_is_not_shown) {
  for (std::size_t i = 0; i <= Typing::kMost; ++i)
    start(StreamId(static_cast<std::int64_t>(i) + 1));
  EXPECT_EQ(signs_.signs.size(), Typing::kMost);
  EXPECT_EQ(typing_.size(), Typing::kMost);
  start();  // who is shown already, still is
  pass(6'000);
  pass(1'000);
  EXPECT_EQ(typing_.size(), 0U);
}

TEST(TypingBudget, is_so_many_a_second) {
  TypingBudget budget;
  MonoTime now(Millis(10'500));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(budget.take(now, 5));
  EXPECT_FALSE(budget.take(now, 5));
  EXPECT_EQ(TypingBudget::until_next(now), Millis(500));
  EXPECT_TRUE(budget.take(now + Millis(500), 5));
}

TEST(Typing, is_where_people_write) {
  for (const auto* name : {"orgs/acme/rooms/general", "channels/1", "conversations/7"})
    EXPECT_TRUE(is_written_on(name)) << name;
  for (const auto* name : {"me", "orgs/acme/notifications", "orgs/rooms/topics/rooms", "orgs/",
                           "orgs", "orgs/acme/topics/rooms", ""})
    EXPECT_FALSE(is_written_on(name)) << name;
}

}  // namespace
}  // namespace indaba::presence
