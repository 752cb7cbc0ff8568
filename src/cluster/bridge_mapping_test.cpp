#include "cluster/bridge_mapping.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GroupMapping mapping(std::string_view text) {
  auto parsed = GroupMapping::parse(text, {"note"}, {"said"});
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().detail;
  return parsed ? *parsed : GroupMapping();
}
BridgeStream notifications(std::int64_t org, std::string slug) {
  BridgeStream stream;
  stream.org = OrgId(org);
  stream.slug = std::move(slug);
  return stream;
}

TEST(GroupMapping, fills_in_an_organisations_number_both_ways) {
  const auto org = mapping("org-<id> orgs/<id>/notifications");
  EXPECT_EQ(org.stream_of("org-12"), notifications(12, ""));
  EXPECT_EQ(org.group_of(notifications(12, "acme")), "org-12");
  EXPECT_EQ(org.pattern(), "org-*");
  EXPECT_TRUE(org.durable);
  EXPECT_THAT(org.in, ElementsAre("note"));
  EXPECT_THAT(org.out, ElementsAre("said"));
  for (const auto* other : {"org-", "org-x", "org-012", "org-0", "org--1", "org-+1", "xorg-1",
                            "org-99999999999999999999", "user-1"})
    EXPECT_FALSE(org.stream_of(other)) << other;
}

TEST(GroupMapping, fills_in_a_users_number_and_an_organisations_slug) {
  const auto user = mapping("u.<id>.me users/<id>/me ephemeral in=a|b out=");
  BridgeStream me;
  me.kind = BridgeStream::Kind::me;
  me.user = UserId(5);
  EXPECT_EQ(user.stream_of("u.5.me"), me);
  EXPECT_EQ(user.group_of(me), "u.5.me");
  EXPECT_FALSE(user.group_of(notifications(5, "acme")));
  EXPECT_FALSE(user.durable);
  EXPECT_THAT(user.in, ElementsAre("a", "b"));
  EXPECT_THAT(user.out, ElementsAre());

  const auto team = mapping("team-<slug> orgs/<slug>/topics/prices");
  auto prices = notifications(0, "acme");
  prices.kind = BridgeStream::Kind::topic;
  prices.topic = "prices";
  EXPECT_EQ(team.stream_of("team-acme"), prices);
  EXPECT_FALSE(team.stream_of("team-Acme"));
  prices.org = OrgId(3);
  EXPECT_EQ(team.group_of(prices), "team-acme");
  prices.topic = "other";
  EXPECT_FALSE(team.group_of(prices));
}

TEST(GroupMapping, names_one_group_and_one_stream_exactly) {
  const auto exact = mapping("  lobby   orgs/acme/topics/chat  ");
  EXPECT_TRUE(exact.stream_of("lobby"));
  EXPECT_FALSE(exact.stream_of("lobby2"));
  auto chat = notifications(9, "acme");
  chat.kind = BridgeStream::Kind::topic;
  chat.topic = "chat";
  EXPECT_EQ(exact.group_of(chat), "lobby");
  chat.slug = "other";
  EXPECT_FALSE(exact.group_of(chat));
}

TEST(GroupMapping, says_what_is_wrong_with_a_text) {
  const auto problem = [](std::string_view text) {
    const auto parsed = GroupMapping::parse(text, {}, {});
    EXPECT_FALSE(parsed) << text;
    return parsed ? std::string() : parsed.error().detail;
  };
  EXPECT_THAT(problem(""), HasSubstr("a group and a stream"));
  EXPECT_THAT(problem("org-<id>"), HasSubstr("a group and a stream"));
  EXPECT_THAT(problem("org:<id> orgs/<id>/notifications"), HasSubstr("must begin with a group"));
  EXPECT_THAT(problem("a-<id> rooms/<id>"), HasSubstr("must name orgs/"));
  EXPECT_THAT(problem("a-<id> orgs/<id>"), HasSubstr("must name orgs/"));
  EXPECT_THAT(problem("a users/me"), HasSubstr("must name orgs/"));
  EXPECT_THAT(problem("a-<slug> users/<slug>/me"), HasSubstr("must name orgs/"));
  EXPECT_THAT(problem("a-<id> orgs/acme/notifications"), HasSubstr("the same blank"));
  EXPECT_THAT(problem("a orgs/<id>/notifications"), HasSubstr("the same blank"));
  EXPECT_THAT(problem("a orgs/b/notifications lasting"), HasSubstr("means nothing here"));
  EXPECT_THAT(problem("a orgs/b/notifications in=x out=y|x"), HasSubstr("a type goes one way"));
  EXPECT_THAT(problem("a orgs/b/notifications out=_x"), HasSubstr("would end Django's consumers"));
}

TEST(GroupMapping, knows_which_types_django_can_take) {
  for (const auto* right : {"a", "task.status_changed", "x1", "a_b.c"})
    EXPECT_TRUE(is_django_type(right)) << right;
  for (const auto* wrong : {"", "_x", ".x", "1x", "A", "a-b", "a b", "ä"})
    EXPECT_FALSE(is_django_type(wrong)) << wrong;
  EXPECT_FALSE(is_django_type(std::string(65, 'a')));
}

}  // namespace
}  // namespace indaba::cluster
