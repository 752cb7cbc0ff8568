#include "api/access_record.hpp"

#include "api/access_changes.hpp"

#include <gtest/gtest.h>

namespace indaba::api {
namespace {

const std::vector<AccessChange> kAll{
    MembershipEnded{OrgId(1), UserId(2)},
    OrgDeleted{OrgId(1)},
    SessionRevoked{UserId(2), SessionId(3)},
    UserSessionsRevoked{UserId(2), SessionId()},
    UserDisabled{UserId(2)},
    ApiKeyRevoked{ApiKeyId(4)},
    StreamClosed{StreamId(5)},
    StreamAccessEnded{StreamId(5), UserId(2)},
    RoleChanged{OrgId(1), UserId(2)},
    SessionChanged{SessionId(3)},
    OrgChanged{OrgId(1)},
    StreamRenamed{StreamId(6)},
    UserChanged{UserId(2)},
    TopicChanged{OrgId(1), "prices"},
    AccessUnknown{},
};

TEST(AccessRecord, every_kind_comes_back_as_it_went) {
  ASSERT_EQ(kAll.size(), std::variant_size_v<AccessChange>) << "a kind without an example";
  for (const auto& change : kAll) {
    const auto body = to_body({NodeId(77), change});
    const auto read = read_access_record(body);
    ASSERT_TRUE(read) << body;
    EXPECT_EQ(read->node, NodeId(77));
    EXPECT_EQ(read->change.index(), change.index()) << body;
    EXPECT_EQ(to_body(*read), body);
  }
}

TEST(AccessRecord, a_kind_of_a_newer_version_means_that_nothing_is_known) {
  const auto read = read_access_record(R"(,"node":1,"change":"org_suspended","org":9)");
  ASSERT_TRUE(read);
  EXPECT_TRUE(std::holds_alternative<AccessUnknown>(read->change));
}

TEST(AccessRecord, what_is_no_json_is_an_error) {
  EXPECT_FALSE(read_access_record(""));
  EXPECT_FALSE(read_access_record(R"(,"node":)"));
}

}  // namespace
}  // namespace indaba::api
