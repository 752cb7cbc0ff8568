#include "presence/presence.hpp"

#include "presence/test_presence.hpp"

namespace indaba::presence {
namespace {

TEST(Leases, end_by_themselves_unless_they_are_renewed) {
  ManualClock clock;
  LocalLeases leases(clock);
  const std::array both{UserId(1), UserId(2)};
  leases.renew(both, Millis(100));
  EXPECT_EQ(leases.take_changes().begun.size(), 2U);
  clock.advance(Millis(60));
  leases.renew(std::span(both).first(1), Millis(100));
  clock.advance(Millis(40));
  const auto changes = leases.take_changes();
  EXPECT_TRUE(changes.begun.empty()) << "a renewal begins nothing";
  EXPECT_EQ(changes.ended, std::vector{UserId(2)});
  clock.advance(Millis(60));
  EXPECT_EQ(leases.take_changes().ended, std::vector{UserId(1)});
  EXPECT_TRUE(leases.take_changes().ended.empty());
}

TEST(Leases, one_that_begins_and_ends_between_two_looks_only_ends) {
  ManualClock clock;
  LocalLeases leases(clock);
  const std::array one{UserId(1)};
  leases.renew(one, Millis(10));
  clock.advance(Millis(10));
  const auto changes = leases.take_changes();
  EXPECT_TRUE(changes.begun.empty());
  EXPECT_EQ(changes.ended, std::vector{UserId(1)});
}

TEST(OrgSet, holds_each_once) {
  OrgSet orgs({OrgId(1), OrgId(2), OrgId(2), OrgId(3)});
  EXPECT_EQ(orgs.list().size(), 3U);
  EXPECT_FALSE(orgs.add(OrgId(3)));
  EXPECT_FALSE(orgs.erase(OrgId(4)));
  EXPECT_TRUE(orgs.erase(OrgId(1)));
  EXPECT_TRUE(orgs.contains(OrgId(2)));
  EXPECT_TRUE(orgs.contains(OrgId(3)));
  EXPECT_TRUE(orgs.erase(OrgId(2)));
  EXPECT_TRUE(orgs.erase(OrgId(3)));
  EXPECT_TRUE(orgs.list().empty());
  EXPECT_FALSE(orgs.contains(OrgId()));
}

class PresenceTest : public PresenceWorld {};

TEST_F(PresenceTest, a_person_is_online_on_any_device_and_for_a_while_after_the_last_one) {
  come(kAnna);
  come(kAnna);
  EXPECT_TRUE(presence_.is_online(kAnna)) << "at once";
  gather();
  EXPECT_EQ(presence_.online(kAcme), 1);
  go(kAnna);
  seconds(60);
  EXPECT_TRUE(presence_.is_online(kAnna));
  go(kAnna);
  seconds(14);
  EXPECT_TRUE(presence_.is_online(kAnna));
  EXPECT_EQ(presence_.people(), 1);
  seconds(1);
  EXPECT_FALSE(presence_.is_online(kAnna));
  EXPECT_EQ(presence_.online(kAcme), 0);
  EXPECT_EQ(presence_.people(), 0);
}

TEST_F(PresenceTest,
       counts_in_all_organisations_of_a_person_and_at_once_in_the_one_that_is_followed) {
  source_.people[kAnna] = {kAcme, kOther};
  come(kAnna);
  presence_.follows(kAnna, kAcme);
  EXPECT_EQ(presence_.online(kAcme), 1);
  EXPECT_EQ(presence_.online(kOther), 0) << "the database has not been asked";
  gather();
  EXPECT_EQ(presence_.online(kAcme), 1);
  EXPECT_EQ(presence_.online(kOther), 1);
  presence_.follows(kAnna, kAcme);
  gather();
  EXPECT_EQ(source_.reads, 1) << "asked once for as long as they are online";
  presence_.on_access_change(api::MembershipEnded{kAcme, kAnna});
  EXPECT_EQ(presence_.online(kAcme), 0);
  EXPECT_EQ(presence_.online(kOther), 1);
  presence_.on_access_change(api::OrgDeleted{kOther});
  EXPECT_EQ(presence_.online(kOther), 0);
}

TEST_F(PresenceTest, a_member_who_only_read_by_a_token_is_not_counted_for_long) {
  come(kZoe);
  presence_.follows(kZoe, kAcme);
  EXPECT_EQ(presence_.online(kAcme), 1);
  gather();
  EXPECT_EQ(presence_.online(kAcme), 0);
}

TEST_F(PresenceTest, a_membership_that_ends_while_it_is_read_does_not_come_back) {
  come(kAnna);
  source_.while_placing = [this] {
    source_.while_placing = {};
    source_.people[kAnna] = {};
    presence_.on_access_change(api::MembershipEnded{kAcme, kAnna});
  };
  gather();
  EXPECT_EQ(presence_.online(kAcme), 0);
  gather();
  EXPECT_EQ(presence_.online(kAcme), 0);
  EXPECT_EQ(source_.reads, 2);
}

TEST_F(PresenceTest, is_told_later_where_the_database_is_away) {
  const auto follow = this->follow(kNews, kAcme);
  come(kAnna);
  source_.broken = true;
  seconds(3);
  EXPECT_TRUE(signs_.heard().empty());
  source_.broken = false;
  seconds(1);
  EXPECT_EQ(signs_.heard().size(), 1U);
}

TEST_F(PresenceTest, who_dies_with_the_leases_in_hand_takes_nobody_along) {
  Presence other_node(clock_, leases_);
  other_node.connect(kAnna, "anna");
  gather();
  EXPECT_TRUE(presence_.is_online(kAnna)) << "connected to the other one, seen by both";
  // It renews nothing any more.
  seconds(14);
  EXPECT_TRUE(presence_.is_online(kAnna));
  seconds(1);
  EXPECT_FALSE(presence_.is_online(kAnna));
}

TEST_F(PresenceTest, last_seen_is_saved_for_many_at_once_and_never_because_somebody_came) {
  for (int i = 100; i < 600; ++i) source_.people[UserId(i)] = {kAcme};
  for (int i = 100; i < 600; ++i) come(UserId(i));
  gather();
  spawn(changes_.save());
  EXPECT_EQ(source_.writes, 0);
  const auto left = clock_.wall();
  for (int i = 100; i < 600; ++i) go(UserId(i));
  seconds(15);
  EXPECT_EQ(presence_.just_left(kAcme).size(), 500U);
  source_.broken = true;
  spawn(changes_.save());
  source_.broken = false;
  spawn(changes_.save());
  EXPECT_EQ(source_.writes, 2) << "one that failed, and one";
  EXPECT_EQ(source_.saved.size(), 500U);
  EXPECT_EQ(source_.saved.at(UserId(100)), left);
  EXPECT_TRUE(presence_.just_left(kAcme).empty());
  EXPECT_TRUE(presence_.everyone().empty()) << "nothing is kept of who is gone and saved";
}

TEST_F(PresenceTest, at_the_end_everyone_who_is_there_was_seen_last) {
  come(kAnna);
  come(kBen);
  clock_.advance(Millis(5'000));
  const auto left = clock_.wall();
  go(kBen);
  clock_.advance(Millis(3'000));
  spawn(changes_.save_everyone());
  EXPECT_EQ(source_.saved.at(kAnna), clock_.wall());
  EXPECT_EQ(source_.saved.at(kBen), left);
}

TEST_F(PresenceTest, somebody_who_comes_back_while_they_are_saved_is_saved_again_when_they_go) {
  come(kAnna);
  go(kAnna);
  seconds(15);
  const auto unsaved = presence_.take_unsaved(10);
  ASSERT_EQ(unsaved.size(), 1U);
  come(kAnna);
  presence_.on_saved(unsaved);
  go(kAnna);
  seconds(15);
  const auto again = presence_.take_unsaved(10);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_GT(again.front().at, unsaved.front().at);
}

}  // namespace
}  // namespace indaba::presence
