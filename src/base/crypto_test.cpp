#include "base/crypto.hpp"

#include "base/text.hpp"

#include <gtest/gtest.h>

namespace indaba::crypto {
namespace {

TEST(Crypto, sha256_matches_the_vectors_of_fips_180) {
  EXPECT_EQ(text::to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(text::to_hex(sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Crypto, hmac_matches_the_vectors_of_rfc_4231) {
  EXPECT_EQ(text::to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(text::to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(text::to_hex(hmac_sha256(std::string(131, '\xaa'),
                                     "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Crypto, an_empty_key_is_a_key_and_not_the_one_before) {
  static_cast<void>(hmac_sha256("another", "x"));
  EXPECT_EQ(text::to_hex(hmac_sha256({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Crypto, compares_whole_texts) {
  EXPECT_TRUE(equal("same", "same"));
  EXPECT_TRUE(equal("", {}));
  EXPECT_FALSE(equal("same", "sane"));
  EXPECT_FALSE(equal("same", "sam"));
}

TEST(Crypto, tokens_have_the_length_asked_for_and_differ) {
  SystemRandom random;
  const std::string token = random_token(random, 32);
  EXPECT_EQ(token.size(), 43U);
  EXPECT_EQ(text::from_base64url(token)->size(), 32U);
  EXPECT_NE(token, random_token(random, 32));
}

TEST(Crypto, keys_for_two_purposes_differ) {
  EXPECT_NE(derive_key("master", "cursor"), derive_key("master", "csrf"));
  EXPECT_EQ(derive_key("master", "cursor").size(), Sealer::kKeyBytes);
}

TEST(Sealer, opens_what_it_sealed_and_nothing_else) {
  SystemRandom random;
  const Sealer sealer(derive_key("master", "test"));
  const std::string sealed = sealer.seal(random, "plain text", "user 7");
  EXPECT_EQ(sealer.open(sealed, "user 7"), "plain text");
  EXPECT_EQ(sealer.open(sealer.seal(random, "", ""), ""), "");
  EXPECT_FALSE(sealer.open(sealed, "user 8"));
  EXPECT_FALSE(Sealer(derive_key("other", "test")).open(sealed, "user 7"));
  EXPECT_NE(sealed, sealer.seal(random, "plain text", "user 7"));
}

TEST(Sealer, refuses_whatever_was_cut_or_altered) {
  SeededRandom random(1);
  const Sealer sealer(derive_key("master", "test"));
  const std::string sealed = sealer.seal(random, "plain", "c");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string altered = sealed;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_FALSE(sealer.open(altered, "c")) << i;
    EXPECT_FALSE(sealer.open(sealed.substr(0, i), "c")) << i;
  }
  EXPECT_DEATH(Sealer("short"), "32 bytes");
}

}  // namespace
}  // namespace indaba::crypto
