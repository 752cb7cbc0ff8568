// Source: what presence asks of the database, and what it leaves there. The seam behind
// which tests have a world of their own.
//
// Any executor.
#pragma once

#include "base/task.hpp"
#include "db/database.hpp"
#include "presence/presence.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace indaba::presence {

// Who is told, and told of, on a stream.
struct Audience {
  // none: presence is not sent on such a stream. org: everyone in the organisation. listed: those
  // in a private room, whoever else may look into it.
  enum class Kind : std::uint8_t { none, org, listed };
  StreamId stream;
  Kind kind = Kind::none;
  OrgId org;
  std::int64_t members = 0;
  std::vector<UserId> listed;  // sorted
};

struct PlacedUser {
  UserId user;
  std::string username;
  std::vector<OrgId> orgs;
};

struct UserPair {
  UserId one;
  UserId other;
  friend bool operator==(UserPair, UserPair) = default;
};

class Source {
 public:
  virtual ~Source() = default;
  // Those who are there and active, in any order.
  virtual Task<Result<std::vector<PlacedUser>>> place(std::vector<UserId> users) = 0;
  virtual Task<Result<std::vector<Audience>>> audiences(std::vector<StreamId> streams) = 0;
  // The pairs of whom neither has blocked the other, in their order.
  virtual Task<Result<std::vector<UserPair>>> unblocked(std::vector<UserPair> pairs) = 0;
  // Whom the user has blocked, and by whom they are.
  virtual Task<Result<std::vector<UserId>>> blocked_around(UserId user) = 0;
  // Members of the organisation who have been seen, the latest first.
  virtual Task<Result<std::vector<PresentPerson>>> seen_in(OrgId org, std::size_t limit) = 0;
  virtual Task<Result<void>> save(std::vector<LastSeen> seen) = 0;
};

class SqlSource final : public Source {
 public:
  explicit SqlSource(db::Database& database) : database_(database) {}

  Task<Result<std::vector<PlacedUser>>> place(std::vector<UserId> users) override;
  Task<Result<std::vector<Audience>>> audiences(std::vector<StreamId> streams) override;
  Task<Result<std::vector<UserPair>>> unblocked(std::vector<UserPair> pairs) override;
  Task<Result<std::vector<UserId>>> blocked_around(UserId user) override;
  Task<Result<std::vector<PresentPerson>>> seen_in(OrgId org, std::size_t limit) override;
  Task<Result<void>> save(std::vector<LastSeen> seen) override;

 private:
  db::Database& database_;
};

}  // namespace indaba::presence
