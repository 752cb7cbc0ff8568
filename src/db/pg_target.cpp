#include "db/pg_target.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <memory>

namespace indaba::db {

namespace {

// A node that answers nothing is found in a few seconds, not when TCP gives up after a quarter of
// an hour.
constexpr const char* kConnectSeconds = "2";
constexpr const char* kUnacknowledgedMs = "5000";
constexpr const char* kKeepaliveIdle = "10";
constexpr const char* kKeepaliveInterval = "3";
constexpr const char* kKeepaliveCount = "3";

struct FreeOptions {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};

}  // namespace

Result<PgTarget> PgTarget::parse(const std::string& url, const PgDefaults& defaults) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(url.c_str(), &why));
  PQfreemem(why);  // it may quote the password
  if (!options) {
    Error error(ErrorKind::invalid,
                "database.url cannot be read; it looks like "
                "postgres://user:password@host:5432/name, with %-codes for characters that mean "
                "something in an address");
    error.log = error.detail;
    return error;
  }
  PgTarget target;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && option->val[0] != '\0')
      target.settings_.emplace_back(option->keyword, option->val);
  target.set_default("dbname", defaults.database);
  target.set_default("user", defaults.user);
  target.set_default("password", defaults.password);
  target.set_default("application_name", "indaba");
  target.set_default("client_encoding", "UTF8");
  target.set_default("connect_timeout", kConnectSeconds);
  target.set_default("tcp_user_timeout", kUnacknowledgedMs);
  target.set_default("keepalives_idle", kKeepaliveIdle);
  target.set_default("keepalives_interval", kKeepaliveInterval);
  target.set_default("keepalives_count", kKeepaliveCount);
  // Of several hosts, the one that can be written (after a failover, the new one).
  if (target.value("host").find(',') != std::string::npos)
    target.set_default("target_session_attrs", "read-write");
  return target;
}

std::string PgTarget::value(std::string_view keyword) const {
  const auto found =
      std::ranges::find_if(settings_, [&](const auto& s) { return s.first == keyword; });
  return found == settings_.end() ? std::string() : found->second;
}

void PgTarget::set_default(std::string_view keyword, const std::string& value) {
  if (!value.empty() && this->value(keyword).empty())
    settings_.emplace_back(std::string(keyword), value);
}

std::string PgTarget::shown() const {
  const auto host = value("host");
  const auto port = value("port");
  const auto name = value("dbname");
  return fmt::format("{}:{}/{}", host.empty() ? "localhost" : host, port.empty() ? "5432" : port,
                     name.empty() ? value("user") : name);
}

}  // namespace indaba::db
