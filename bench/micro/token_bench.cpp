// What a handshake pays for its token: a JWT (HS256) with the claims of an access token, verified.
#include "auth/jwt.hpp"

#include <benchmark/benchmark.h>
#include <string>
#include <vector>

namespace indaba::auth {
namespace {

void verify(benchmark::State& state) {
  auto key = JwtKey::from_secret("a secret of thirty-two characters");
  if (!key) return state.SkipWithError("no key");
  const WallTime now(Millis(1'768'210'200'000));
  const boost::json::object claims{
      {"token_type", "access"}, {"exp", 1'768'210'800},
      {"iat", 1'768'210'200},   {"jti", "0eb03cc601ca64ebf929e378546acf9"},
      {"user_id", 1},           {"sid", 2}};
  const std::string token = sign_jwt(claims, *key);
  std::vector<JwtKey> keys;
  keys.push_back(*std::move(key));
  const JwtKeySet known(std::move(keys));
  for (auto _ : state) {
    auto told = verify_jwt(token, known, JwtPolicy{}, now);
    if (!told) return state.SkipWithError("refused");
    benchmark::DoNotOptimize(told->expires_at);
  }
}
BENCHMARK(verify)->Name("token/verify_hs256");

}  // namespace
}  // namespace indaba::auth
