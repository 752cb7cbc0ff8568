// What the account's routes take and answer.
#pragma once

#include "auth/principal.hpp"
#include "base/reflect.hpp"

#include <optional>
#include <string>
#include <vector>

namespace indaba::account {

struct QuietHours {
  std::string start;  // "22:00"
  std::string end;
};
BOOST_DESCRIBE_STRUCT(QuietHours, (), (start, end))

struct OrgOfMe {
  std::string slug;
  auth::Role role = auth::Role::member;
};
BOOST_DESCRIBE_STRUCT(OrgOfMe, (), (slug, role))

struct Profile {
  UserId id;
  std::string username;
  std::string display_name;
  std::optional<std::string> email;
  std::string locale;
  std::string time_zone;
  std::optional<QuietHours> quiet_hours;
  std::optional<std::string> avatar;
  std::vector<std::string> roles;  // "superuser"
  std::vector<OrgOfMe> orgs;
};
BOOST_DESCRIBE_STRUCT(Profile, (),
                      (id, username, display_name, email, locale, time_zone, quiet_hours, avatar,
                       roles, orgs))

struct Register {
  std::string username;
  std::string password;
  std::optional<json::Text<1, 100>> display_name;
  std::optional<std::string> email;
  std::optional<std::string> locale;
  std::optional<std::string> invite;
};
BOOST_DESCRIBE_STRUCT(Register, (), (username, password, display_name, email, locale, invite))

struct SignIn {
  std::string username;
  std::string password;
};
BOOST_DESCRIBE_STRUCT(SignIn, (), (username, password))

struct SignedIn {
  std::string access;
  std::string refresh;
  std::int64_t access_expires_in = 0;
  Profile user;
};
BOOST_DESCRIBE_STRUCT(SignedIn, (), (access, refresh, access_expires_in, user))

struct SessionView {
  Profile user;
};
BOOST_DESCRIBE_STRUCT(SessionView, (), (user))

struct Refresh {
  std::string refresh;
};
BOOST_DESCRIBE_STRUCT(Refresh, (), (refresh))

struct TokenPair {
  std::string access;
  std::string refresh;
  std::int64_t access_expires_in = 0;
};
BOOST_DESCRIBE_STRUCT(TokenPair, (), (access, refresh, access_expires_in))

struct Revoke {
  std::optional<std::string> refresh;  // none: the session of the caller's own token
};
BOOST_DESCRIBE_STRUCT(Revoke, (), (refresh))

struct SocketToken {
  std::string token;
  std::int64_t expires_in = 0;
};
BOOST_DESCRIBE_STRUCT(SocketToken, (), (token, expires_in))

struct ChangeProfile {
  std::optional<json::Text<1, 100>> display_name;
  json::Patch<std::string> email;
  std::optional<std::string> locale;
  std::optional<std::string> time_zone;
  json::Patch<QuietHours> quiet_hours;
};
BOOST_DESCRIBE_STRUCT(ChangeProfile, (), (display_name, email, locale, time_zone, quiet_hours))

// `new` is a keyword.
struct ChangePassword {
  std::string old;
  std::string new_;
};
BOOST_DESCRIBE_STRUCT(ChangePassword, (), (old, new_))

struct AskReset {
  std::optional<json::Text<1, 64>> username;  // one of the two
  std::optional<json::Text<1, 254>> email;
};
BOOST_DESCRIBE_STRUCT(AskReset, (), (username, email))

struct ConfirmReset {
  std::string token;
  std::string password;
};
BOOST_DESCRIBE_STRUCT(ConfirmReset, (), (token, password))

struct MySession {
  SessionId id;
  std::string kind;  // tokens, cookie, personal
  std::string label;
  std::string address;
  WallTime created_at{};
  WallTime last_seen_at{};
  WallTime expires_at{};
  bool current = false;
};
BOOST_DESCRIBE_STRUCT(MySession, (),
                      (id, kind, label, address, created_at, last_seen_at, expires_at, current))

struct MySessions {
  std::vector<MySession> results;
};
BOOST_DESCRIBE_STRUCT(MySessions, (), (results))

struct UnreadNotifications {
  std::int64_t unread = 0;
  Seq last_read_seq;
  Seq head;
};
BOOST_DESCRIBE_STRUCT(UnreadNotifications, (), (unread, last_read_seq, head))

struct UnreadRoom {
  std::int64_t id = 0;
  std::string slug;
  std::int64_t unread = 0;
  Seq last_read_seq;
  Seq head;
};
BOOST_DESCRIBE_STRUCT(UnreadRoom, (), (id, slug, unread, last_read_seq, head))

// What is unread in one organisation.
struct UnreadCounts {
  UnreadNotifications notifications;
  std::vector<UnreadRoom> rooms;
};

struct UnreadOfOrg {
  OrgId id;
  std::string slug;
  UnreadNotifications notifications;
  std::vector<UnreadRoom> rooms;
};
BOOST_DESCRIBE_STRUCT(UnreadOfOrg, (), (id, slug, notifications, rooms))

struct UnreadPeer {
  UserId id;
  std::string username;
};
BOOST_DESCRIBE_STRUCT(UnreadPeer, (), (id, username))

struct UnreadConversation {
  UnreadPeer user;
  std::int64_t unread = 0;
  Seq last_read_seq;
  Seq head;
};
BOOST_DESCRIBE_STRUCT(UnreadConversation, (), (user, unread, last_read_seq, head))

struct UnreadView {
  std::vector<UnreadOfOrg> orgs;
  std::vector<UnreadConversation> conversations;  // those with something unread
};
BOOST_DESCRIBE_STRUCT(UnreadView, (), (orgs, conversations))

}  // namespace indaba::account
