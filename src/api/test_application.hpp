// For tests: an application over a real database, with callers that are who their token says
// ("anna", "ben", "key").
#pragma once

#include "api/application.hpp"
#include "db/test_backend.hpp"
#include "db/test_executor.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <map>
#include <string>

namespace indaba::api {

// "Bearer <name>" is the user of that name; "Token <name>" an API key; a cookie "session=<name>" a
// sign-in by cookie.
class FakeAuthenticator final : public auth::Authenticator {
 public:
  std::map<std::string, auth::Principal, std::less<>> known;

  Task<Result<auth::Principal>> authenticate(const http::Request& request) override {
    auto credential = auth::CredentialKind::access_token;
    std::string_view name;
    if (const auto cookie = request.headers.find("cookie")) {
      name = cookie->substr(std::string_view("session=").size());
      credential = auth::CredentialKind::session_cookie;
    }
    if (const auto header = request.headers.find("authorization")) {
      name = header->substr(header->find(' ') + 1);
      credential = header->starts_with("Token") ? auth::CredentialKind::api_key
                                                : auth::CredentialKind::access_token;
    }
    if (name.empty()) co_return auth::Principal{};
    const auto it = known.find(name);
    if (it == known.end()) co_return Error(ErrorKind::unauthenticated, "The token is not valid.");
    auto principal = it->second;
    principal.credential = credential;
    co_return principal;
  }
};

// Organisations by slug, and who is in them.
class FakeOrgGate final : public OrgGate {
 public:
  struct Org {
    OrgId id;
    std::map<UserId, auth::Role> members;
  };
  std::map<std::string, Org, std::less<>> orgs;

  Task<Result<Membership>> membership(auth::Principal principal, std::string slug) override {
    const auto it = orgs.find(slug);
    if (it == orgs.end()) co_return Error(ErrorKind::not_found, "There is no such organisation.");
    const auto& org = it->second;
    if (principal.kind == auth::PrincipalKind::api_key && principal.key_org == org.id)
      co_return Membership{org.id, slug, slug, auth::Role::admin};
    const auto member = org.members.find(principal.user);
    if (member == org.members.end())
      co_return Error(ErrorKind::not_found, "There is no such organisation.");
    co_return Membership{org.id, slug, slug, member->second};
  }
  Task<Result<OrgId>> org_id(std::string slug) override {
    const auto it = orgs.find(slug);
    if (it == orgs.end()) co_return Error(ErrorKind::not_found, "There is no such organisation.");
    co_return it->second.id;
  }
};

inline auth::Principal user_principal(std::int64_t id, std::string name) {
  auth::Principal principal;
  principal.kind = auth::PrincipalKind::user;
  principal.user = UserId(id);
  principal.username = std::move(name);
  principal.session = SessionId(id);
  return principal;
}

// `Sequencer`: what numbers the events of the database under test.
template <class Sequencer>
class ApplicationFixture : public testing::Test {
 protected:
  explicit ApplicationFixture(db::Backend backend = db::Backend::sqlite)
      : backend_(backend), database_(backend_.open(sequencer_, system_clock_)) {
    authenticator_.known["anna"] = user_principal(1, "anna");
    authenticator_.known["ben"] = user_principal(2, "ben");
    authenticator_.known["zoe"] = user_principal(3, "zoe");
    auth::Principal key;
    key.kind = auth::PrincipalKind::api_key;
    key.api_key = ApiKeyId(9);
    key.key_org = OrgId(1);
    key.scopes = {"publish"};
    authenticator_.known["key"] = key;
    gate_.orgs["acme"] = {OrgId(1),
                          {{UserId(1), auth::Role::owner}, {UserId(2), auth::Role::member}}};
    gate_.orgs["other"] = {OrgId(2), {{UserId(3), auth::Role::owner}}};
  }

  // After the endpoints are complete.
  void start(RateLimits limits = {}, OrgGate* gate = nullptr) {
    limits_ = limits;
    application_ = std::make_unique<Application>(
        std::move(endpoints_),
        Application::Parts{authenticator_, gate != nullptr ? *gate : gate_, limiter_, limits_,
                           idempotency_, origins_, clock_, random_},
        [this](const Served& served) { logged_.emplace_back(served.log); });
  }

  http::Response send(http::Request request) {
    return db::run_on(executor_, application_->handle(std::move(request)));
  }
  // "GET /path?query" as `who` ("" is a stranger), with a JSON body.
  http::Response send(std::string_view who, std::string_view line, std::string body = {},
                      std::string idempotency_key = {}) {
    auto request = make(who, line, std::move(body));
    if (!idempotency_key.empty()) request.headers.add("idempotency-key", idempotency_key);
    return send(std::move(request));
  }
  static http::Request make(std::string_view who, std::string_view line, std::string body = {}) {
    http::Request request;
    const auto space = line.find(' ');
    request.method = *http::parse_method(line.substr(0, space));
    request.target = line.substr(space + 1);
    const auto mark = request.target.find('?');
    request.path = request.target.substr(0, mark);
    if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
    request.client_address = "192.0.2.1";
    if (!body.empty()) request.headers.add("content-type", "application/json");
    request.body = std::move(body);
    if (who == "key")
      request.headers.add("authorization", "Token key");
    else if (!who.empty())
      request.headers.add("authorization", "Bearer " + std::string(who));
    return request;
  }
  static boost::json::object json_of(const http::Response& response) {
    const auto value = boost::json::parse(response.body);
    return value.as_object();
  }
  static std::string code_of(const http::Response& response) {
    return std::string(json_of(response).at("code").as_string());
  }

  db::TestBackend backend_;
  SystemClock system_clock_;
  ManualClock clock_;
  SystemRandom random_;
  Sequencer sequencer_;
  std::unique_ptr<db::Database> database_;
  FakeAuthenticator authenticator_;
  FakeOrgGate gate_;
  RateLimiter limiter_{clock_, true};
  RateLimits limits_;
  Idempotency idempotency_{*database_, clock_};
  http::AllowedOrigins origins_{{"https://app.example.com"}};
  Endpoints endpoints_;
  std::vector<std::string> logged_;
  std::unique_ptr<Application> application_;
  db::TestExecutor executor_;
};

}  // namespace indaba::api
