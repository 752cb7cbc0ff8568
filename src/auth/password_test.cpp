#include "auth/password.hpp"

#include "db/test_executor.hpp"

#include <gtest/gtest.h>

namespace indaba::auth {
namespace {

constexpr PasswordCost kCheap{1, 8'192};
constexpr PasswordCost kDearer{2, 16'384};

TEST(Password, is_hashed_with_argon2id_at_owasps_floor) {
  const auto hash = blocking_hash_password("correct horse").value();
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << hash;
  EXPECT_TRUE(blocking_verify_password(hash, "correct horse"));
  EXPECT_FALSE(blocking_verify_password(hash, "correct horse "));
  EXPECT_FALSE(blocking_verify_password("", "correct horse"));
  EXPECT_FALSE(blocking_verify_password(std::string(4'096, '$'), "correct horse"));
}

TEST(Password, has_bounds_for_new_ones) {
  EXPECT_TRUE(check_new_password("12345678", "anna", "password"));
  EXPECT_TRUE(check_new_password("ééééèèèè", "anna", "password")) << "characters count, not bytes";
  EXPECT_FALSE(check_new_password("1234567", "anna", "password"));
  EXPECT_FALSE(check_new_password("anna-the-user", "anna-the-user", "password"));
  const auto long_one = check_new_password(std::string(1'025, 'x'), "anna", "password");
  ASSERT_FALSE(long_one);
  EXPECT_EQ(long_one.error().kind, ErrorKind::invalid);
  EXPECT_EQ(long_one.error().fields.at(0).field, "password");
}

TEST(PasswordHasher, says_yes_no_and_when_a_hash_should_be_renewed) {
  db::TestExecutor executor;
  PasswordHasher hasher({}, kDearer);
  const auto cheap = blocking_hash_password("correct horse", kCheap).value();
  const auto dear = db::run_on(executor, hasher.hash("correct horse")).value();
  const auto right = db::run_on(executor, hasher.verify(dear, "correct horse")).value();
  EXPECT_TRUE(right.right);
  EXPECT_TRUE(right.better_hash.empty());
  const auto renewed = db::run_on(executor, hasher.verify(cheap, "correct horse")).value();
  EXPECT_TRUE(renewed.right);
  EXPECT_TRUE(blocking_verify_password(renewed.better_hash, "correct horse"));
  EXPECT_FALSE(needs_rehash(renewed.better_hash, kDearer));
  const auto wrong = db::run_on(executor, hasher.verify(cheap, "wrong horse!")).value();
  EXPECT_FALSE(wrong.right);
  EXPECT_TRUE(wrong.better_hash.empty());
}

TEST(PasswordHasher, knows_nobody_whatever_the_password) {
  db::TestExecutor executor;
  PasswordHasher hasher({}, kCheap);
  EXPECT_FALSE(db::run_on(executor, hasher.verify("", "the password of nobody")).value().right);
}

Task<void> count_outcome(PasswordHasher* hasher, std::atomic<int>* fine, std::atomic<int>* busy,
                         std::promise<void>* done, int expected) {
  auto hashing = hasher->hash("correct horse");
  const auto hash = co_await hashing;
  if (hash) {
    ++*fine;
  } else {
    EXPECT_EQ(hash.error().kind, ErrorKind::unavailable);
    EXPECT_GT(hash.error().retry_after.count(), 0);
    ++*busy;
  }
  if (*fine + *busy == expected) done->set_value();
}

TEST(PasswordHasher, turns_away_what_is_more_than_its_gate_holds) {
  db::TestExecutor executor;
  PasswordHasher hasher({.threads = 1, .queue = 3}, PasswordCost{3, 32UL * 1024 * 1024});
  constexpr int kAsked = 12;
  std::atomic<int> fine{0};
  std::atomic<int> busy{0};
  std::promise<void> done;
  executor.post([&] {
    for (int i = 0; i < kAsked; ++i) spawn(count_outcome(&hasher, &fine, &busy, &done, kAsked));
  });
  done.get_future().wait();
  EXPECT_GE(fine, 4);
  EXPECT_GE(busy, 1);
  EXPECT_EQ(fine + busy, kAsked);
}

}  // namespace
}  // namespace indaba::auth
