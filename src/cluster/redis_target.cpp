#include "cluster/redis_target.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace indaba::cluster {

namespace {

constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;
constexpr std::int64_t kMaxDb = 1'000'000;

Error unreadable(std::string_view what) {
  return Error(ErrorKind::invalid,
               fmt::format("the address of Redis has {}; it looks like "
                           "redis://user:password@host:6379/0, with %-codes for characters that "
                           "mean something in an address",
                           what));
}

Result<std::string> decoded(std::string_view part) {
  std::string plain;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] != '%') {
      plain += part[i];
      continue;
    }
    const auto byte = text::from_hex(part.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return unreadable("a % without two hexadecimal digits");
    plain += *byte;
    i += 2;
  }
  return plain;
}

Result<RedisAddress> address_of(std::string_view text, std::uint16_t default_port) {
  RedisAddress address;
  address.port = default_port;
  std::string_view port;
  if (text.starts_with('[')) {  // an IPv6 address
    const auto end = text.find(']');
    if (end == std::string_view::npos) return unreadable("no ] after its [");
    address.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    address.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (address.host.empty()) return unreadable("no host");
  if (!port.empty()) {
    const auto number = text::parse_int64(port.substr(1));
    if (!port.starts_with(':') || !number || *number < 1 || *number > 65535)
      return unreadable("a port that is none");
    address.port = static_cast<std::uint16_t>(*number);
  }
  return address;
}

}  // namespace

std::string to_string(const RedisAddress& address) {
  if (!address.path.empty()) return address.path;
  const bool bare = address.host.find(':') == std::string::npos;
  return fmt::format("{}{}{}:{}", bare ? "" : "[", address.host, bare ? "" : "]", address.port);
}

Result<RedisTarget> RedisTarget::parse(std::string_view url) {
  const auto end = url.find("://");
  if (end == std::string_view::npos) return unreadable("no scheme");
  const auto scheme = text::to_lower(url.substr(0, end));
  auto rest = url.substr(end + 3);
  RedisTarget target;
  if (scheme == "rediss") {
    return Error(ErrorKind::invalid,
                 "rediss:// (Redis over TLS) is not supported: the client library cannot do TLS; "
                 "use redis:// on a private network, or through stunnel");
  }
  if (scheme != "redis" && scheme != "unix" && scheme != "redis+sentinel") {
    return Error(ErrorKind::invalid,
                 "the address of Redis must begin with redis://, unix:// or redis+sentinel://");
  }
  INDABA_TRY_VOID(target.take_credentials(rest));
  if (scheme == "unix") {
    INDABA_TRY_VOID(target.take_unix(rest));
    return target;
  }
  if (rest.find_first_of("?#") != std::string_view::npos)
    return unreadable("options behind a ?, which are not known");
  const bool sentinel = scheme == "redis+sentinel";
  auto slash = rest.find('/');
  INDABA_TRY_VOID(target.take_addresses(rest.substr(0, slash),  //
                                        sentinel ? kSentinelPort : kRedisPort));
  if (!sentinel && target.addresses_.size() > 1)
    return unreadable("several hosts, as only redis+sentinel:// may");
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  if (sentinel) {
    slash = rest.find('/');
    INDABA_TRY(target.master_, decoded(rest.substr(0, slash)));
    if (target.master_.empty()) return unreadable("no /master-name after the Sentinels");
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  INDABA_TRY_VOID(target.take_db(rest));
  return target;
}

Result<void> RedisTarget::take_credentials(std::string_view& rest) {
  const auto at = rest.substr(0, rest.find('/')).rfind('@');
  if (at == std::string_view::npos) return {};
  const auto both = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const auto colon = both.find(':');
  if (colon == std::string_view::npos) return unreadable("a user without a password");
  INDABA_TRY(user_, decoded(both.substr(0, colon)));
  INDABA_TRY(password_, decoded(both.substr(colon + 1)));
  return {};
}

Result<void> RedisTarget::take_addresses(std::string_view authority, std::uint16_t default_port) {
  for (const auto part : text::split(authority, ',')) {
    INDABA_TRY(auto address, address_of(part, default_port));
    addresses_.push_back(std::move(address));
  }
  return {};
}

Result<void> RedisTarget::take_db(std::string_view text) {
  if (text.empty()) return {};
  const auto number = text::parse_int64(text);
  if (!number || *number < 0 || *number > kMaxDb) return unreadable("a database that is no number");
  db_ = static_cast<int>(*number);
  return {};
}

Result<void> RedisTarget::take_unix(std::string_view rest) {
  constexpr std::string_view kDb = "?db=";
  const auto query = rest.find('?');
  if (query != std::string_view::npos) {
    if (!rest.substr(query).starts_with(kDb)) return unreadable("an option that is not known");
    INDABA_TRY_VOID(take_db(rest.substr(query + kDb.size())));
  }
  RedisAddress address;
  INDABA_TRY(address.path, decoded(rest.substr(0, query)));
  if (!address.path.starts_with('/')) return unreadable("no path that begins with /");
  addresses_.push_back(std::move(address));
  return {};
}

std::string RedisTarget::shown() const {
  std::string shown = by_sentinel() ? master_ + " by Sentinel " : std::string();
  for (std::size_t i = 0; i < addresses_.size(); ++i)
    shown += (i > 0 ? "," : "") + to_string(addresses_[i]);
  return shown;
}

}  // namespace indaba::cluster
