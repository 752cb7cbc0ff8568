#include "presence/changes.hpp"

#include "presence/test_presence.hpp"
#include "presence/views.hpp"

#include <gmock/gmock.h>

namespace indaba::presence {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class PresenceChangesTest : public PresenceWorld {
 protected:
  template <class T>
  T await(Task<Result<T>> task) {
    std::optional<T> out;
    struct Keep {
      static Task<void> run(Task<Result<T>> inner, std::optional<T>* to) {
        auto got = co_await inner;
        to->emplace(std::move(got).value());
      }
    };
    spawn(Keep::run(std::move(task), &out));
    return *std::move(out);
  }
  Views views_{presence_, source_, audiences_};
};

TEST_F(PresenceChangesTest, what_gathers_in_a_second_is_one_frame_a_followed_stream) {
  const auto news = follow(kNews, kAcme);
  const auto twice = follow(kNews, kAcme);
  come(kAnna);
  come(kBen);
  come(kZoe);
  seconds(1);
  const auto now = clock_.wall();
  ASSERT_EQ(signs_.signs.size(), 1U);
  EXPECT_EQ(signs_.signs.front().type, "presence");
  EXPECT_THAT(signs_.heard(),
              ElementsAre(frame(kNews, said(kAnna, true, now) + "," + said(kBen, true, now))));
  seconds(5);
  EXPECT_THAT(signs_.heard(), IsEmpty()) << "nothing changed";
  const auto left = clock_.wall();
  go(kAnna);
  seconds(15);
  EXPECT_THAT(signs_.heard(), ElementsAre(frame(kNews, said(kAnna, false, left))));
  EXPECT_EQ(changes_.changes(), 4U) << "zoe's is of nobody who follows";
  EXPECT_EQ(changes_.frames(), 2U);
}

TEST_F(PresenceChangesTest, who_comes_back_in_time_never_went) {
  const auto news = follow(kNews, kAcme);
  come(kAnna);
  seconds(1);
  (void)signs_.heard();
  for (int i = 0; i < 5; ++i) {
    go(kAnna);
    seconds(14);
    come(kAnna);
    seconds(1);
  }
  EXPECT_THAT(signs_.heard(), IsEmpty());
}

TEST_F(PresenceChangesTest, a_flap_within_a_second_is_no_change) {
  const auto news = follow(kNews, kAcme);
  come(kAnna);
  seconds(1);
  go(kAnna);
  (void)signs_.heard();
  clock_.advance(Millis(15'000));
  presence_.tick();  // gone …
  come(kAnna);       // … and back before anybody was told
  seconds(1);
  EXPECT_THAT(signs_.heard(), IsEmpty());
}

TEST_F(PresenceChangesTest, a_stream_that_nobody_follows_any_more_gets_nothing) {
  auto news = follow(kNews, kAcme);
  auto other = follow(kNews, kAcme);
  news = {};
  come(kAnna);
  seconds(1);
  EXPECT_EQ(signs_.heard().size(), 1U);
  other = {};
  come(kBen);
  seconds(1);
  EXPECT_THAT(signs_.heard(), IsEmpty());
  EXPECT_THAT(followed_.all(), IsEmpty());
}

TEST_F(PresenceChangesTest, a_private_room_names_only_who_is_in_it) {
  const auto hidden = follow(kHidden, kAcme);
  const auto topic = follow(StreamId(99), kAcme);  // presence is not sent there
  come(kBen);
  seconds(1);
  EXPECT_THAT(signs_.heard(), IsEmpty());
  come(kAnna);
  seconds(1);
  EXPECT_THAT(signs_.heard(), ElementsAre(frame(kHidden, said(kAnna, true, clock_.wall()))));
}

TEST_F(PresenceChangesTest, above_two_hundred_members_only_the_number_is_told) {
  source_.streams[kNews].members = 201;
  std::vector<UserId> many{kAnna};
  for (int i = 1'000; i < 1'200; ++i) many.emplace_back(i);
  source_.private_room(kHidden, kAcme, many);
  const auto news = follow(kNews, kAcme);
  const auto hidden = follow(kHidden, kAcme);
  come(kAnna);
  come(kBen);
  seconds(1);
  EXPECT_THAT(signs_.heard(),
              UnorderedElementsAre("1: ,\"count_online\":2", "3: ,\"count_online\":1"));
  source_.streams[kNews].members = 200;
  go(kBen);
  const auto left = clock_.wall();
  seconds(15);
  EXPECT_THAT(signs_.heard(), ElementsAre(frame(kNews, said(kBen, false, left))));
}

TEST_F(PresenceChangesTest, in_a_conversation_each_hears_of_the_other_alone) {
  constexpr StreamId kTalk{5};
  const auto annas = follow(kTalk, {}, kAnna, kBen);
  const auto bens = follow(kTalk, {}, kBen, kAnna);
  come(kAnna);
  seconds(1);
  EXPECT_THAT(signs_.heard(),
              ElementsAre("5 not 7: ,\"changes\":[" + said(kAnna, true, clock_.wall()) + "]"));
  come(kZoe);
  seconds(1);
  EXPECT_THAT(signs_.heard(), IsEmpty());
  come(kBen);
  source_.blocks = {{kBen, kAnna}};
  seconds(1);
  EXPECT_THAT(signs_.heard(), IsEmpty()) << "nothing passes between the two, in either direction";
  go(kAnna);
  seconds(15);
  EXPECT_THAT(signs_.heard(), IsEmpty());
  EXPECT_TRUE(await(views_.of_stream({kTalk, {}, kBen}, kAnna)).users.empty());
  source_.blocks.clear();
  EXPECT_EQ(await(views_.of_stream({kTalk, {}, kBen}, kAnna)).count_online, 1);
}

TEST_F(PresenceChangesTest, audiences_are_read_for_a_gather_and_not_for_each_stream_and_second) {
  const auto news = follow(kNews, kAcme);
  const auto room = follow(kRoom, kAcme);
  come(kAnna);
  seconds(1);
  come(kBen);
  seconds(1);
  EXPECT_EQ(source_.audience_reads, 1);
  (void)signs_.heard();
  source_.private_room(kRoom, kAcme, {kAnna});
  audiences_.on_access_change(api::StreamClosed{kRoom});  // a public room becomes private
  go(kBen);
  const auto left = clock_.wall();
  seconds(4);
  presence_.on_access_change({api::MembershipEnded{kAcme, kZoe}});
  seconds(11);
  EXPECT_THAT(signs_.heard(), ElementsAre(frame(kNews, said(kBen, false, left))));
}

// 5,000 people of 25 organisations, each of which somebody follows.
class Storm : public PresenceChangesTest {
 protected:
  static constexpr int kPeople = 5'000;
  static constexpr int kOrgs = 25;

  Storm() {
    for (int org = 0; org < kOrgs; ++org) {
      source_.org_stream(StreamId(100 + org), OrgId(100 + org), kPeople / kOrgs);
      follows_.push_back(follow(StreamId(100 + org), OrgId(100 + org)));
    }
    for (int i = 0; i < kPeople; ++i) source_.people[person(i)] = {OrgId(100 + i % kOrgs)};
  }
  static UserId person(int i) { return UserId(10'000 + i); }
  // Spread over ten seconds.
  template <class F>
  void over_ten_seconds(F each) {
    for (int i = 0; i < kPeople; ++i) {
      each(person(i));
      if (i % (kPeople / 100) != kPeople / 100 - 1) continue;
      clock_.advance(Millis(100));
      if (clock_.mono().time_since_epoch().count() % 1'000 == 0) gather();
    }
  }
  // How often each was named, at most; and how many frames a stream got.
  struct Count {
    int named = 0;
    int most_a_person = 0;
    int most_frames_a_stream = 0;
  };
  Count count() {
    Count count;
    std::map<std::string, int> names;
    std::map<StreamId, int> frames;
    for (const auto& sign : std::exchange(signs_.signs, {})) {
      count.most_frames_a_stream = std::max(count.most_frames_a_stream, ++frames[sign.stream]);
      const std::string mark = R"("username":")";
      for (auto at = sign.body.find(mark); at != std::string::npos;
           at = sign.body.find(mark, at + 1)) {
        const auto name = sign.body.substr(at + mark.size(), 9);
        count.most_a_person = std::max(count.most_a_person, ++names[name]);
        ++count.named;
      }
    }
    return count;
  }
  std::vector<FollowedStreams::Follow> follows_;
};

TEST_F(Storm, five_thousand_who_come_are_each_named_once_in_a_frame_a_second) {
  over_ten_seconds([this](UserId user) { come(user); });
  seconds(2);
  const auto came = count();
  EXPECT_EQ(came.named, kPeople);
  EXPECT_EQ(came.most_a_person, 1);
  EXPECT_LE(came.most_frames_a_stream, 12);
  EXPECT_EQ(source_.writes, 0);
  EXPECT_LE(source_.reads, 22) << "one for 500 who came, at most one a second more";
}

TEST_F(Storm, five_thousand_who_leave_at_once_and_come_back_within_ten_seconds_are_no_news) {
  over_ten_seconds([this](UserId user) { come(user); });
  seconds(2);
  (void)count();
  const int reads = source_.reads;
  for (int i = 0; i < kPeople; ++i) go(person(i));
  over_ten_seconds([this](UserId user) { come(user); });
  seconds(30);
  EXPECT_EQ(count().named, 0);
  EXPECT_EQ(source_.reads, reads);
  EXPECT_EQ(presence_.people(), kPeople);
}

TEST_F(Storm, those_who_stay_away_longer_are_named_once_as_they_go_and_once_as_they_come) {
  over_ten_seconds([this](UserId user) { come(user); });
  seconds(2);
  (void)count();
  over_ten_seconds([this](UserId user) { go(user); });
  seconds(20);
  const auto went = count();
  EXPECT_EQ(went.named, kPeople);
  EXPECT_EQ(went.most_a_person, 1);
  EXPECT_LE(went.most_frames_a_stream, 12);
  over_ten_seconds([this](UserId user) { come(user); });
  seconds(2);
  const auto came = count();
  EXPECT_EQ(came.named, kPeople);
  EXPECT_EQ(came.most_a_person, 1);
  EXPECT_LE(came.most_frames_a_stream, 12);
}

TEST_F(PresenceChangesTest, the_list_has_who_is_online_first_and_then_who_was_seen_last) {
  source_.people[UserId(20)] = {kAcme};
  source_.people[UserId(21)] = {kAcme};
  source_.saved = {{UserId(20), clock_.wall() - Millis(5'000)},
                   {UserId(21), clock_.wall() - Millis(9'000)},
                   {kAnna, clock_.wall() - Millis(1'000)}};
  come(kAnna);
  come(kBen);
  gather();
  go(kBen);
  seconds(15);  // gone, and not saved yet
  const auto names = [](const PresenceList& list) {
    std::string out = std::to_string(list.count);
    for (const auto& one : list.users)
      out +=
          fmt::format(" {}{}", one.user.id.value, one.status == PresenceStatus::online ? "+" : "-");
    return out;
  };
  EXPECT_EQ(names(await(views_.of_org(kAcme, {}, 100))), "1 7+ 8- 20- 21-");
  spawn(changes_.save());
  EXPECT_EQ(names(await(views_.of_org(kAcme, {}, 100))), "1 7+ 8- 20- 21-");
  EXPECT_EQ(names(await(views_.of_org(kAcme, {}, 2))), "1 7+ 8-");
  EXPECT_EQ(names(await(views_.of_org(kAcme, {}, 1))), "1 7+");
  source_.blocks = {{kAnna, UserId(20)}, {UserId(8), kAnna}};
  EXPECT_EQ(names(await(views_.of_org(kAcme, kAnna, 100))), "1 7+ 21-");
  EXPECT_EQ(names(await(views_.of_org(kAcme, UserId(20), 2))), "1 8- 20-");
}

TEST_F(PresenceChangesTest, what_is_asked_is_answered_for_the_stream_that_it_is_asked_of) {
  come(kAnna);
  come(kBen);
  gather();
  const auto asked = [this](StreamId stream, UserId caller) {
    const auto state = await(views_.of_stream({stream, kAcme, {}}, caller));
    std::string out = std::to_string(state.count_online);
    for (const auto& person : state.users) out += " " + std::to_string(person.id.value);
    return out;
  };
  EXPECT_EQ(asked(kNews, kZoe), "2 7 8");
  EXPECT_EQ(asked(StreamId(99), kZoe), "2 7 8") << "a topic is its organisation's";
  EXPECT_EQ(asked(kHidden, kZoe), "1 7");
  source_.blocks = {{kBen, kAnna}};
  EXPECT_EQ(asked(kNews, kAnna), "2 7");
  EXPECT_EQ(await(views_.of_stream({StreamId(50), {}, {}}, kAnna)).count_online, 0) << "me";
}

}  // namespace
}  // namespace indaba::presence
