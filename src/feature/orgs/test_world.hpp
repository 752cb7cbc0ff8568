// For tests: the API over the real database, with real sign-ins; what a client would meet, without
// sockets.
#pragma once

#include "api/application.hpp"
#include "auth/test_auth_world.hpp"
#include "feature/orgs/service.hpp"

#include <boost/json/parse.hpp>

namespace indaba::orgs {

struct Answered {
  int status = 0;
  boost::json::value body;
  http::Headers headers;

  [[nodiscard]] std::string text(std::string_view pointer) const {
    return std::string(body.at_pointer(pointer).as_string());
  }
  [[nodiscard]] std::int64_t number(std::string_view pointer) const {
    return body.at_pointer(pointer).as_int64();
  }
  [[nodiscard]] std::string code() const { return status < 400 ? "" : text("/code"); }
};

class OrgsWorld : public auth::AuthWorld {
 protected:
  explicit OrgsWorld(Orgs::Settings settings = {false, "https://indaba.example"})
      : orgs_(std::move(settings), *database_, changes_, cursors_, clock_, random_) {
    changes_.listen([this](const api::AccessChange& change) { told_.push_back(change); });
    orgs_.add_routes(endpoints_);
  }

  // After all routes are there.
  void start() {
    application_ = std::make_unique<api::Application>(
        std::move(endpoints_),
        api::Application::Parts{authenticator_, memberships_, limiter_, limits_, idempotency_,
                                origins_, clock_, random_});
  }

  Answered send(http::Request request) {
    auto response = await(application_->handle(std::move(request)));
    Answered answered;
    answered.status = response.status;
    if (!response.body.empty()) answered.body = boost::json::parse(response.body);
    answered.headers = std::move(response.headers);
    return answered;
  }
  // call("anna", "POST /orgs", R"({"slug":"acme"})"); "" is a stranger, and a name is a user's with
  // a token.
  Answered call(std::string_view who, std::string_view line, std::string body = {}) {
    auto request = make(line, std::move(body));
    if (!who.empty())
      request.headers.add("authorization", "Bearer " + tokens_.at(std::string(who)));
    return send(std::move(request));
  }
  static http::Request make(std::string_view line, std::string body = {}) {
    const auto space = line.find(' ');
    http::Request request;
    request.method = *http::parse_method(line.substr(0, space));
    request.target = "/api/v1" + std::string(line.substr(space + 1));
    const auto mark = request.target.find('?');
    request.path = request.target.substr(0, mark);
    if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
    request.client_address = "192.0.2.1";
    if (!body.empty()) request.headers.add("content-type", "application/json");
    request.body = std::move(body);
    return request;
  }

  UserId user(const std::string& name, bool superuser = false) {
    const auto made = make_user(name, "correct horse", superuser);
    tokens_[name] = sign_in(made.id).access;
    ids_[name] = made.id;
    return made.id;
  }
  std::string member_path(std::string_view org, const std::string& name) const {
    return fmt::format("/orgs/{}/members/{}", org, ids_.at(name).value);
  }
  // An organisation with these members, the first of whom made it.
  void org(std::string_view slug, const std::string& owner) {
    ASSERT_EQ(call(owner, "POST /orgs", fmt::format(R"({{"slug":"{}"}})", slug)).status, 201);
  }
  void member(std::string_view slug, const std::string& owner, const std::string& name,
              std::string_view role) {
    const auto body = fmt::format(R"({{"username":"{}","role":"{}"}})", name, role);
    ASSERT_EQ(call(owner, fmt::format("POST /orgs/{}/members", slug), body).status, 201);
  }
  // "member_added {…}", oldest first, of a stream.
  std::vector<std::string> events_of(std::string_view sql_of_stream, std::string_view key) {
    const std::string sql =
        fmt::format("SELECT type || ' ' || body FROM events WHERE stream_id = ({}) ORDER BY seq",
                    sql_of_stream);
    return db::read_blocking(*database_,
                             [&](db::Session& session) {
                               return session.all<std::string>(
                                   sql, [](const db::Row& r) { return r.string(0); }, key);
                             })
        .value();
  }
  std::vector<std::string> org_events(std::string_view slug) {
    return events_of("SELECT notifications_stream FROM orgs WHERE slug = $1", slug);
  }
  std::vector<std::string> me_events(std::string_view name) {
    return events_of("SELECT me_stream FROM users WHERE username = $1", name);
  }
  template <class Change>
  [[nodiscard]] std::size_t times_told() const {
    return static_cast<std::size_t>(std::count_if(
        told_.begin(), told_.end(),
        [](const api::AccessChange& change) { return std::holds_alternative<Change>(change); }));
  }

  api::AccessChanges changes_;
  Memberships memberships_{*database_, clock_, changes_};
  const api::Cursors cursors_{std::string(32, 'k')};
  Orgs orgs_;
  api::Endpoints endpoints_;
  api::RateLimiter limiter_{clock_, true};
  api::RateLimits limits_;
  api::Idempotency idempotency_{*database_, clock_};
  http::AllowedOrigins origins_{{"https://indaba.example"}};
  std::unique_ptr<api::Application> application_;
  std::map<std::string, std::string> tokens_;
  std::map<std::string, UserId> ids_;
  std::vector<api::AccessChange> told_;
};

}  // namespace indaba::orgs
