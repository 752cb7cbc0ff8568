// For tests of presence: a world of people, organisations and streams in memory, and a publisher
// that writes down what it is given.
#pragma once

#include "presence/changes.hpp"

#include <gtest/gtest.h>
#include <map>
#include <set>

namespace indaba::presence {

class FakePresenceSource final : public Source {
 public:
  Task<Result<std::vector<PlacedUser>>> place(std::vector<UserId> users) override {
    ++reads;
    if (broken) co_return Error(ErrorKind::unavailable, "The database is away.");
    std::vector<PlacedUser> placed;
    for (const auto user : users)
      if (const auto found = people.find(user); found != people.end())
        placed.push_back({user, "user" + std::to_string(user.value), found->second});
    if (while_placing) while_placing();
    co_return placed;
  }
  Task<Result<std::vector<Audience>>> audiences(std::vector<StreamId> wanted) override {
    ++audience_reads;
    if (broken) co_return Error(ErrorKind::unavailable, "The database is away.");
    std::vector<Audience> out;
    for (const auto stream : wanted) {
      Audience audience;
      if (const auto found = streams.find(stream); found != streams.end()) audience = found->second;
      audience.stream = stream;
      out.push_back(audience);
    }
    co_return out;
  }
  Task<Result<std::vector<UserPair>>> unblocked(std::vector<UserPair> pairs) override {
    std::erase_if(pairs, [this](UserPair pair) {
      return blocks.contains({pair.one, pair.other}) || blocks.contains({pair.other, pair.one});
    });
    co_return pairs;
  }
  Task<Result<std::vector<UserId>>> blocked_around(UserId user) override {
    std::vector<UserId> out;
    for (const auto& [one, other] : blocks) {
      if (one == user) out.push_back(other);
      if (other == user) out.push_back(one);
    }
    co_return out;
  }
  Task<Result<std::vector<PresentPerson>>> seen_in(OrgId org, std::size_t limit) override {
    std::vector<PresentPerson> out;
    for (const auto& [user, at] : saved)
      if (std::ranges::find(people.at(user), org) != people.at(user).end())
        out.push_back({user, "user" + std::to_string(user.value), false, at});
    std::ranges::sort(out, std::greater{}, &PresentPerson::last_seen);
    out.resize(std::min(limit, out.size()));
    co_return out;
  }
  Task<Result<void>> save(std::vector<LastSeen> seen) override {
    ++writes;
    if (broken) co_return Error(ErrorKind::unavailable, "The database is away.");
    for (const auto& [user, at] : seen) saved[user] = at;
    co_return Result<void>();
  }

  Audience& org_stream(StreamId stream, OrgId org, std::int64_t members) {
    return streams[stream] = {stream, Audience::Kind::org, org, members, {}};
  }
  Audience& private_room(StreamId stream, OrgId org, std::vector<UserId> in_it) {
    const auto members = static_cast<std::int64_t>(in_it.size());
    return streams[stream] = {stream, Audience::Kind::listed, org, members, std::move(in_it)};
  }

  std::map<UserId, std::vector<OrgId>> people;
  std::map<StreamId, Audience> streams;
  std::set<std::pair<UserId, UserId>> blocks;
  std::map<UserId, WallTime> saved;
  std::function<void()> while_placing;
  bool broken = false;
  int reads = 0;
  int audience_reads = 0;
  int writes = 0;
};

class RecordingSigns final : public stream::SignPublisher {
 public:
  struct Sign {
    StreamId stream;
    std::string type;
    std::string body;
    UserId except;
  };
  void publish_sign(StreamId stream, std::string type, std::string body, UserId except) override {
    signs.push_back({stream, std::move(type), std::move(body), except});
  }
  // "1: ,"a":2" or "1 not 7: …", what came since the last call.
  std::vector<std::string> heard() {
    std::vector<std::string> out;
    for (const auto& sign : std::exchange(signs, {}))
      out.push_back(std::to_string(sign.stream.value) +
                    (sign.except ? " not " + std::to_string(sign.except.value) : "") + ": " +
                    sign.body);
    return out;
  }

  std::vector<Sign> signs;
};

class PresenceWorld : public testing::Test {
 protected:
  static constexpr OrgId kAcme{1};
  static constexpr OrgId kOther{2};
  static constexpr StreamId kNews{1};
  static constexpr StreamId kRoom{2};
  static constexpr StreamId kHidden{3};
  static constexpr UserId kAnna{7};
  static constexpr UserId kBen{8};
  static constexpr UserId kZoe{9};

  PresenceWorld() {
    source_.people = {{kAnna, {kAcme}}, {kBen, {kAcme}}, {kZoe, {kOther}}};
    source_.org_stream(kNews, kAcme, 2);
    source_.org_stream(kRoom, kAcme, 2);
    source_.private_room(kHidden, kAcme, {kAnna});
  }

  static std::string name(UserId user) { return "user" + std::to_string(user.value); }
  void come(UserId user) { presence_.connect(user, name(user)); }
  void go(UserId user) { presence_.disconnect(user); }
  [[nodiscard]] FollowedStreams::Follow follow(StreamId stream, OrgId org, UserId follower = {},
                                               UserId peer = {}) {
    api::ResolvedStream resolved;
    resolved.id = stream;
    resolved.org = org;
    resolved.peer = peer;
    return followed_.follow(resolved, follower);
  }
  void gather() { spawn(changes_.gather()); }
  void seconds(int n) {
    for (int i = 0; i < n; ++i) {
      clock_.advance(Millis(1'000));
      gather();
    }
  }
  // What a gather says of one person.
  [[nodiscard]] std::string said(UserId user, bool online, WallTime at) const {
    return R"({"user":{"id":)" + std::to_string(user.value) + R"(,"username":")" + name(user) +
           R"("},"status":")" + (online ? "online" : "offline") + R"(","last_seen":")" +
           to_rfc3339(at) + "\"}";
  }
  [[nodiscard]] std::string frame(StreamId stream, const std::string& people) const {
    return std::to_string(stream.value) + R"(: ,"changes":[)" + people + "]";
  }

  ManualClock clock_;
  Logger log_ = Logger::null();
  FakePresenceSource source_;
  LocalLeases leases_{clock_};
  Presence presence_{clock_, leases_};
  StreamAudiences audiences_{source_, clock_};
  FollowedStreams followed_;
  RecordingSigns signs_;
  Changes changes_{{presence_, source_, audiences_, followed_, signs_, log_}};
};

}  // namespace indaba::presence
