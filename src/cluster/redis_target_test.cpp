#include "cluster/redis_target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::cluster {
namespace {

TEST(RedisTarget, reads_an_address_with_everything) {
  const auto target = RedisTarget::parse("redis://anna:p%40ss%3aw@redis.example:7000/3");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->addresses(), (std::vector<RedisAddress>{{"redis.example", 7000, ""}}));
  EXPECT_EQ(target->user(), "anna");
  EXPECT_EQ(target->password(), "p@ss:w");
  EXPECT_EQ(target->db(), 3);
  EXPECT_FALSE(target->by_sentinel());
  EXPECT_EQ(target->shown(), "redis.example:7000");
}

TEST(RedisTarget, fills_in_what_is_left_out) {
  const auto target = RedisTarget::parse("redis://:secret@localhost");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->addresses(), (std::vector<RedisAddress>{{"localhost", 6379, ""}}));
  EXPECT_EQ(target->user(), "");
  EXPECT_EQ(target->password(), "secret");
  EXPECT_EQ(RedisTarget::parse("redis://[::1]:7/")->shown(), "[::1]:7");
}

TEST(RedisTarget, reads_a_unix_socket) {
  const auto target = RedisTarget::parse("unix://:secret@/run/redis/redis.sock?db=2");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->addresses().front().path, "/run/redis/redis.sock");
  EXPECT_EQ(target->password(), "secret");
  EXPECT_EQ(target->db(), 2);
  EXPECT_EQ(target->shown(), "/run/redis/redis.sock");
}

TEST(RedisTarget, reads_sentinels_and_the_masters_name) {
  const auto target = RedisTarget::parse("redis+sentinel://:pw@a:1,b,[::2]:3/main/4");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->addresses(),
            (std::vector<RedisAddress>{{"a", 1, ""}, {"b", 26379, ""}, {"::2", 3, ""}}));
  EXPECT_TRUE(target->by_sentinel());
  EXPECT_EQ(target->master(), "main");
  EXPECT_EQ(target->db(), 4);
  EXPECT_EQ(target->shown(), "main by Sentinel a:1,b:26379,[::2]:3");
}

TEST(RedisTarget, refuses_what_it_cannot_read_without_quoting_the_password) {
  for (const auto* url : {"hunter2",
                          "redis:",
                          "redis://",
                          "redis://:hunter2@",
                          "redis://u:hunter2@h:x",
                          "redis://u:hunter2@h:0",
                          "redis://u:hunter2@h:65536",
                          "redis://u:hunter2@h/x",
                          "redis://u:hunter2@h/-1",
                          "redis://u:hunter2%4@h",
                          "redis://u:hunter2%zz@h",
                          "redis://hunter2@h",
                          "redis://:hunter2@[::1",
                          "redis://:hunter2@a,b/0",
                          "redis://:hunter2@h?db=1",
                          "unix://:hunter2@run/x",
                          "unix:///x?dp=1",
                          "unix:///x?db=y",
                          "redis+sentinel://:hunter2@a,b",
                          "redis+sentinel://:hunter2@a,/m",
                          "memcached://:hunter2@h"}) {
    const auto target = RedisTarget::parse(url);
    ASSERT_FALSE(target) << url;
    EXPECT_EQ(target.error().kind, ErrorKind::invalid);
    EXPECT_THAT(target.error().detail + target.error().log,
                testing::Not(testing::HasSubstr("hunter2")));
  }
}

TEST(RedisTarget, says_what_to_do_in_place_of_tls) {
  const auto target = RedisTarget::parse("rediss://:hunter2@h");
  ASSERT_FALSE(target);
  EXPECT_THAT(target.error().detail, testing::HasSubstr("stunnel"));
}

}  // namespace
}  // namespace indaba::cluster
