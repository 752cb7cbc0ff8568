#include "api/test_application.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace indaba::api {
namespace {

struct Note {
  json::Text<1, 20> text;
};
BOOST_DESCRIBE_STRUCT(Note, (), (text))
struct NoteView {
  std::int64_t number = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(NoteView, (), (number, text))
struct PageQuery {
  std::optional<json::Int<1, 200>> limit;
};
BOOST_DESCRIBE_STRUCT(PageQuery, (), (limit))

// A tiny feature: notes are counted, not kept.
class ApplicationTest : public ApplicationFixture<db::CountingSequencer> {
 protected:
  ApplicationTest() {
    endpoints_.post<Note, Nothing, NoteView>(
        "/api/v1/orgs/{org}/notes",
        {.summary = "Write a note", .access = Access::member, .status = 201, .scope = "publish"},
        [this](Call<Note> call) { return write(std::move(call)); });
    endpoints_.get<PageQuery, NoteView>(
        "/api/v1/orgs/{org}/notes", {.summary = "Read", .access = Access::member},
        [this](Call<Nothing, PageQuery> call) { return read(std::move(call)); });
    endpoints_.remove<Nothing, Nothing>(
        "/api/v1/orgs/{org}/notes", {.summary = "Forget", .access = Access::admin, .status = 204},
        [this](Call<> call) { return forget(std::move(call)); });
    endpoints_.post<Note, Nothing, NoteView>(
        "/api/v1/auth/token",
        {.summary = "Sign in",
         .access = Access::anyone,
         .limit = Limit::password,
         .credentials = true},
        [this](Call<Note> call) { return write(std::move(call)); });
    endpoints_.get<Nothing, NoteView>("/api/v1/broken",
                                      {.summary = "Throws", .access = Access::user},
                                      [this](Call<> call) { return broken(std::move(call)); });
    endpoints_.raw(http::Method::get, "/api/v1/stream", {.summary = "Never ends"},
                   [](http::Request, PathParams) -> Task<http::Response> {
                     http::Response response;
                     response.headers.set("content-type", "text/event-stream");
                     response.take_over = [](net::Connection*) {};
                     co_return response;
                   });
    start({.writes = 5});
  }

  Task<Result<Reply<NoteView>>> write(Call<Note> call) {
    ++writes_;
    if (call.body.text.str() == "busy") co_return Error(ErrorKind::unavailable);
    if (call.body.text.str() == "taken") co_return Error(ErrorKind::conflict, "Taken.");
    co_return created(NoteView{writes_, call.body.text.str()});
  }
  Task<Result<Reply<NoteView>>> read(Call<Nothing, PageQuery> call) {
    co_return ok(NoteView{call.query.limit ? call.query.limit->value() : 50,
                          std::string(call.path.text("org"))});
  }
  Task<Result<Reply<Nothing>>> forget(Call<>) { co_return no_content(); }
  Task<Result<Reply<NoteView>>> broken(Call<>) {
    if (writes_ >= 0) throw std::runtime_error("a secret of the inside");
    co_return ok(NoteView{});
  }

  static constexpr std::string_view kPost = "POST /api/v1/orgs/acme/notes";
  static constexpr std::string_view kGet = "GET /api/v1/orgs/acme/notes";
  int writes_ = 0;
};

TEST_F(ApplicationTest, answers_a_member) {
  const auto response = send("ben", kPost, R"({"text":"hello"})");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.headers.find("content-type"), "application/json");
  EXPECT_EQ(json_of(response).at("text"), "hello");
  EXPECT_TRUE(response.headers.find("x-request-id"));
  EXPECT_EQ(response.headers.find("x-content-type-options"), "nosniff");
}

TEST_F(ApplicationTest, tells_a_stranger_nothing_but_401) {
  EXPECT_EQ(send("", kGet).status, 401);
  EXPECT_EQ(send("", "GET /api/v1/orgs/nowhere/notes").status, 401);
  EXPECT_EQ(send("forged", kGet).status, 401);
  EXPECT_EQ(send("", kGet).headers.find("www-authenticate"), "Bearer");
}

TEST_F(ApplicationTest, gives_another_organisations_member_the_404_of_a_missing_one) {
  auto foreign = json_of(send("zoe", kGet));
  auto missing = json_of(send("zoe", "GET /api/v1/orgs/nowhere/notes"));
  foreign.erase("request_id");
  missing.erase("request_id");
  EXPECT_EQ(foreign, missing);
  EXPECT_EQ(foreign.at("status"), 404);
}

TEST_F(ApplicationTest, refuses_a_role_that_is_too_low) {
  EXPECT_EQ(send("ben", "DELETE /api/v1/orgs/acme/notes").status, 403);
  EXPECT_EQ(send("anna", "DELETE /api/v1/orgs/acme/notes").status, 204);
}

TEST_F(ApplicationTest, lets_an_api_key_do_what_its_scopes_say_in_its_own_organisation) {
  EXPECT_EQ(send("key", kPost, R"({"text":"x"})").status, 201);
  EXPECT_EQ(send("key", kGet).status, 403);
  EXPECT_EQ(send("key", "POST /api/v1/orgs/other/notes", R"({"text":"x"})").status, 404);
}

TEST_F(ApplicationTest, takes_a_change_by_cookie_only_from_an_allowed_origin) {
  auto request = make("", kPost, R"({"text":"x"})");
  request.headers.add("cookie", "session=ben");
  EXPECT_EQ(send(http::Request(request)).status, 403);
  auto foreign = request;
  foreign.headers.add("origin", "https://evil.io");
  EXPECT_EQ(send(std::move(foreign)).status, 403);
  request.headers.add("origin", "https://app.example.com");
  const auto response = send(std::move(request));
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.headers.find("access-control-allow-origin"), "https://app.example.com");

  auto read = make("", kGet);
  read.headers.add("cookie", "session=ben");
  EXPECT_EQ(send(std::move(read)).status, 200);
}

TEST_F(ApplicationTest, names_what_is_wrong_with_a_body_or_a_query) {
  EXPECT_EQ(send("ben", kPost, "{").status, 400);
  const auto missing = send("ben", kPost, "{}");
  EXPECT_EQ(missing.status, 422);
  EXPECT_EQ(json_of(missing).at("errors").at(0).at("field"), "text");
  const auto unknown = send("ben", std::string(kGet) + "?lmit=3");
  EXPECT_EQ(unknown.status, 422);
  EXPECT_EQ(json_of(unknown).at("errors").at(0).at("field"), "lmit");
  EXPECT_EQ(send("ben", std::string(kGet) + "?limit=201").status, 422);
  EXPECT_EQ(json_of(send("ben", std::string(kGet) + "?limit=7")).at("number"), 7);

  auto form = make("ben", kPost, "text=x");
  form.headers.set("content-type", "application/x-www-form-urlencoded");
  EXPECT_EQ(send(std::move(form)).status, 415);
}

TEST_F(ApplicationTest, tells_404_from_405) {
  EXPECT_EQ(send("ben", "GET /api/v1/nothing").status, 404);
  const auto wrong = send("ben", "PUT /api/v1/orgs/acme/notes", "{}");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.find("allow"), "GET, HEAD, POST, DELETE, OPTIONS");
  EXPECT_EQ(send("", "OPTIONS /api/v1/orgs/acme/notes").status, 204);
}

TEST_F(ApplicationTest, limits_writes_and_says_when_to_come_back) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send("ben", kPost, R"({"text":"x"})").status, 201);
  const auto refused = send("ben", kPost, R"({"text":"x"})");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.find("ratelimit-limit"), "5");
  EXPECT_EQ(refused.headers.find("ratelimit-remaining"), "0");
  EXPECT_TRUE(refused.headers.find("ratelimit-reset"));
  EXPECT_TRUE(refused.headers.find("retry-after"));
  EXPECT_EQ(send("anna", kPost, R"({"text":"x"})").status, 201);
  EXPECT_EQ(send("ben", kGet).status, 200);
}

TEST_F(ApplicationTest, counts_requests_for_tokens_by_the_second_of_an_address_where_that_is_set) {
  limits_.passwords = 1;
  limits_.auth_a_second = 3;
  const auto sign_in = [this](std::string_view address) {
    auto request = make("", "POST /api/v1/auth/token", R"({"text":"x"})");
    request.client_address = address;
    return send(std::move(request)).status;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sign_in("192.0.2.7"), 201);
  EXPECT_EQ(sign_in("192.0.2.7"), 429);
  EXPECT_EQ(sign_in("192.0.2.8"), 201);
  clock_.advance(Millis(1'100));
  EXPECT_EQ(sign_in("192.0.2.7"), 201);
  limits_.auth_a_second = 0;
  EXPECT_EQ(sign_in("192.0.2.9"), 201);
  EXPECT_EQ(sign_in("192.0.2.9"), 429) << "by the minute";
}

TEST_F(ApplicationTest, lets_an_allowed_page_of_another_origin_read_an_event_stream) {
  auto request = make("", "GET /api/v1/stream");
  request.headers.add("origin", "https://app.example.com");
  const auto response = send(std::move(request));
  EXPECT_TRUE(response.take_over);
  EXPECT_EQ(response.headers.find("access-control-allow-origin"), "https://app.example.com");
  EXPECT_EQ(response.headers.find("x-content-type-options"), "nosniff");
}

TEST_F(ApplicationTest, lets_someone_with_an_old_token_sign_in_again) {
  EXPECT_EQ(send("expired", "POST /api/v1/auth/token", R"({"text":"x"})").status, 201);
}

TEST_F(ApplicationTest, hides_what_an_exception_says_and_logs_it) {
  const auto response = send("ben", "GET /api/v1/broken");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  EXPECT_NE(logged_.back().find("a secret of the inside"), std::string::npos);
}

TEST_F(ApplicationTest, takes_a_well_formed_request_id_and_makes_one_otherwise) {
  auto request = make("ben", kGet);
  request.headers.add("x-request-id", "abc-1._Z");
  EXPECT_EQ(send(std::move(request)).headers.find("x-request-id"), "abc-1._Z");
  auto odd = make("ben", kGet);
  odd.headers.add("x-request-id", "a b");
  EXPECT_EQ(send(std::move(odd)).headers.find("x-request-id")->size(), 32U);
}

TEST_F(ApplicationTest, speaks_the_users_language_in_errors) {
  authenticator_.known["ben"].locale = "af-ZA";
  EXPECT_EQ(json_of(send("ben", "DELETE /api/v1/orgs/acme/notes")).at("detail"),
            "Jy mag dit nie doen nie.");
  auto stranger = make("", kGet);
  stranger.headers.add("accept-language", "af");
  EXPECT_EQ(json_of(send(std::move(stranger))).at("detail"), "Meld eers aan.");
}

TEST_F(ApplicationTest, gives_a_repeated_request_the_same_answer_without_doing_it_again) {
  const auto first = send("ben", kPost, R"({"text":"once"})", "k1");
  const auto again = send("ben", kPost, R"({"text":"once"})", "\"k1\"");
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(again.headers.find("idempotency-replayed"), "true");
  EXPECT_EQ(writes_, 1);
}

TEST_F(ApplicationTest, refuses_a_key_that_was_used_with_another_body) {
  send("ben", kPost, R"({"text":"one"})", "k1");
  const auto other = send("ben", kPost, R"({"text":"two"})", "k1");
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(code_of(other), "idempotency_conflict");
  EXPECT_EQ(send("anna", kPost, R"({"text":"two"})", "k1").status, 201)
      << "keys belong to a caller";
}

TEST_F(ApplicationTest, keeps_a_refusal_but_not_a_failure) {
  EXPECT_EQ(send("ben", kPost, R"({"text":"taken"})", "k1").status, 409);
  EXPECT_EQ(send("ben", kPost, R"({"text":"taken"})", "k1").status, 409);
  EXPECT_EQ(writes_, 1);
  EXPECT_EQ(send("anna", kPost, R"({"text":"busy"})", "k2").status, 503);
  EXPECT_EQ(send("anna", kPost, R"({"text":"busy"})", "k2").status, 503);
  EXPECT_EQ(writes_, 3);
}

TEST_F(ApplicationTest, keeps_the_refusal_of_a_body_that_it_could_not_read) {
  const auto first = send("ben", kPost, R"({"txt":"one"})", "k1");
  const auto again = send("ben", kPost, R"({"txt":"one"})", "k1");
  EXPECT_EQ(first.status, 422);
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(again.headers.find("idempotency-replayed"), "true");
  EXPECT_EQ(code_of(send("ben", kPost, R"({"text":"one"})", "k1")), "idempotency_conflict");
  EXPECT_EQ(writes_, 0);
}

TEST_F(ApplicationTest, answers_what_is_refused_before_it_is_asked_like_everything_else) {
  auto request = make("ben", kGet);
  request.headers.add("x-request-id", "abc");
  request.headers.add("accept-language", "af");
  const auto refused =
      application_->refuse(std::move(request), Error(ErrorKind::unavailable, "Going down."));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.find("x-request-id"), "abc");
  EXPECT_EQ(json_of(refused).at("request_id"), "abc");
  EXPECT_TRUE(refused.headers.find("x-content-type-options"));
  EXPECT_EQ(logged_.size(), 1U);
  EXPECT_EQ(application_->refuse(make("", kGet), Error(ErrorKind::unavailable))
                .headers.find("x-request-id")
                ->size(),
            32U);
}

TEST_F(ApplicationTest, forgets_an_answer_after_a_day) {
  send("ben", kPost, R"({"text":"one"})", "k1");
  clock_.advance(std::chrono::hours(25));
  EXPECT_EQ(send("ben", kPost, R"({"text":"two"})", "k1").status, 201);
  EXPECT_EQ(writes_, 2);
  clock_.advance(std::chrono::hours(25));
  EXPECT_EQ(db::run_on(executor_, idempotency_.purge(100)).value(), 1);
}

TEST_F(ApplicationTest, ignores_a_key_where_secrets_are_dealt_with) {
  send("", "POST /api/v1/auth/token", R"({"text":"x"})", "k1");
  send("", "POST /api/v1/auth/token", R"({"text":"x"})", "k1");
  EXPECT_EQ(writes_, 2);
  EXPECT_EQ(send("ben", kPost, R"({"text":"x"})", "a b").status, 400);
}

}  // namespace
}  // namespace indaba::api
