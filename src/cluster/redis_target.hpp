// RedisTarget: where Redis is and as whom to come, out of an address:
//
//   redis://[user:password@]host[:port][/db]
//   unix://[user:password@]/path[?db=N]
//   redis+sentinel://[user:password@]host[:port][,host[:port]…]/master-name[/db]
//
// The parts before the @ may have %-codes. Holds the password: never logged, never part of an
// error.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::cluster {

// One place to connect to: a host and port, or the path of a Unix socket.
struct RedisAddress {
  std::string host;
  std::uint16_t port = 0;
  std::string path;  // not empty: a Unix socket

  friend bool operator==(const RedisAddress&, const RedisAddress&) = default;
};
[[nodiscard]] std::string to_string(const RedisAddress& address);

class RedisTarget {
 public:
  [[nodiscard]] static Result<RedisTarget> parse(std::string_view url);

  // Redis itself, or the Sentinels to ask where it is; at least one.
  [[nodiscard]] const std::vector<RedisAddress>& addresses() const noexcept { return addresses_; }
  [[nodiscard]] bool by_sentinel() const noexcept { return !master_.empty(); }
  [[nodiscard]] const std::string& master() const noexcept { return master_; }
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  [[nodiscard]] const std::string& password() const noexcept { return password_; }
  [[nodiscard]] int db() const noexcept { return db_; }
  // "host:port", for operators.
  [[nodiscard]] std::string shown() const;

 private:
  Result<void> take_credentials(std::string_view& rest);
  Result<void> take_addresses(std::string_view authority, std::uint16_t default_port);
  Result<void> take_db(std::string_view text);
  Result<void> take_unix(std::string_view rest);

  std::vector<RedisAddress> addresses_;
  std::string master_;
  std::string user_;
  std::string password_;
  int db_ = 0;
};

}  // namespace indaba::cluster
