// For tests: the real database and everything of auth on it, with clocks that are moved by hand.
#pragma once

#include "auth/password.hpp"
#include "auth/request_authenticator.hpp"
#include "auth/secrets.hpp"
#include "db/test_database.hpp"
#include "db/test_executor.hpp"
#include "stream/event_log.hpp"

#include <gtest/gtest.h>

namespace indaba::auth {

// Cheap, so that tests are quick; what it costs is tested on its own.
inline constexpr PasswordCost kTestCost{1, 8'192};

class AuthWorld : public ::testing::Test {
 protected:
  AuthWorld() : log_(clock_), database_(open()) {}
  ~AuthWorld() override { database_->stop(); }

  template <class F>
  auto write(F change) {
    return db::write_blocking(*database_, db::Shard(0), std::move(change));
  }
  template <class T>
  T await(Task<T> task) {
    return db::run_on(executor_, std::move(task));
  }

  User make_user(std::string name, std::string password = "correct horse", bool superuser = false) {
    NewUser user;
    user.username = std::move(name);
    user.password_hash = blocking_hash_password(password, kTestCost).value();
    user.superuser = superuser;
    return write([&](db::WriteTx& tx) { return create_user(tx, user, clock_, random_); })
        .value()
        .value;
  }
  struct SignedIn {
    SessionId session;
    std::string secret;  // cookie, personal token or refresh token
    std::string access;
  };
  SignedIn sign_in(UserId user, SessionKind kind = SessionKind::tokens,
                   Millis lifetime = kRefreshLifetime) {
    const auto session = new_session(kind, random_, {"test", "127.0.0.1"}, lifetime);
    const auto id =
        write([&](db::WriteTx& tx) { return start_session(tx, user, session, clock_.wall()); })
            .value()
            .value.id;
    return {id, session.secret, mint_.access_token(user, id)};
  }
  static http::Request request_with(std::string_view name, std::string_view value,
                                    std::string query = {}) {
    http::Request request;
    if (!name.empty()) request.headers.add(name, value);
    request.query = std::move(query);
    return request;
  }
  Result<Principal> authenticate(http::Request request) {
    return await(authenticator_.authenticate(request));
  }
  Result<Principal> bearer(std::string_view token) {
    return authenticate(request_with("authorization", fmt::format("Bearer {}", token)));
  }

  std::unique_ptr<db::SqliteDatabase> open() {
    return db::SqliteDatabase::open({.file = folder_.path() / "indaba.db"}, log_, clock_).value();
  }

  ManualClock clock_;
  SystemRandom random_;
  db::TemporaryFolder folder_;
  stream::EventLog log_;
  db::TestExecutor executor_;
  std::unique_ptr<db::SqliteDatabase> database_;
  TokenMint mint_ =
      TokenMint::make("a signing key for tests, long enough", clock_, random_).value();
  Identities identities_{*database_, clock_, random_};
  RequestAuthenticator authenticator_{{}, identities_, mint_, nullptr, *database_, clock_};
};

}  // namespace indaba::auth
