#include "api/openapi.hpp"

#include "api/docs_page.hpp"

#include <gtest/gtest.h>

namespace indaba::api {
namespace {

struct Remark {
  json::Text<1, 20> text;
};
BOOST_DESCRIBE_STRUCT(Remark, (), (text))
struct Find {
  std::optional<json::Int<1, 200>> limit;
};
BOOST_DESCRIBE_STRUCT(Find, (), (limit))

class OpenApiTest : public testing::Test {
 protected:
  OpenApiTest() {
    endpoints_.post<Remark, Nothing, Remark>(
        "/api/v1/orgs/{org}/notes/{id}",
        {.summary = "Write <a> note",
         .tag = "notes",
         .access = Access::admin,
         .status = 201,
         .scope = "publish",
         .errors = {{409, "note_taken", "It is there."}}},
        [](Call<Remark>) -> Task<Result<Reply<Remark>>> { co_return Error(); });
    endpoints_.get<Find, Remark>(
        "/api/v1/notes", {.summary = "Find", .access = Access::anyone},
        [](Call<Nothing, Find>) -> Task<Result<Reply<Remark>>> { co_return Error(); });
    endpoints_.raw(
        http::Method::get, "/hidden", {.summary = "h", .hidden = true},
        [](http::Request, PathParams) -> Task<http::Response> { co_return http::Response{}; });
    frames_.on<Remark>(
        "note", {.summary = "Remark it", .names_stream = true},
        [](FrameCall<Remark>) -> Task<Result<FrameReply>> { co_return FrameReply{}; });
    names_.add("orgs/{org}/notes", [](auth::Principal, PathParams) -> Task<Result<ResolvedStream>> {
      co_return ResolvedStream{};
    });
    description_ = openapi(endpoints_, frames_, names_);
  }
  Endpoints endpoints_;
  Frames frames_;
  StreamNames names_;
  boost::json::object description_;
};

TEST_F(OpenApiTest, describes_a_path_with_its_parameters_body_answer_and_errors) {
  EXPECT_EQ(description_.at("openapi"), "3.1.0");
  const auto& post = description_.at("paths").at("/api/v1/orgs/{org}/notes/{id}").at("post");
  EXPECT_EQ(post.at("x-access"), "admin");
  EXPECT_EQ(post.at("x-scope"), "publish");
  EXPECT_EQ(post.at("tags").at(0), "notes");
  EXPECT_EQ(post.at("parameters").at(0).at("name"), "org");
  EXPECT_EQ(post.at("parameters").at(1).at("schema").at("type"), "integer");
  EXPECT_TRUE(post.at("requestBody")
                  .at("content")
                  .at("application/json")
                  .at("schema")
                  .at("properties")
                  .as_object()
                  .contains("text"));
  EXPECT_TRUE(post.at("responses").at("201").at("content").is_object());
  EXPECT_NE(std::string_view(post.at("responses").at("409").at("description").as_string())
                .find("note_taken"),
            std::string_view::npos);
  EXPECT_TRUE(post.at("responses").as_object().contains("401"));
  EXPECT_FALSE(post.at("security").as_array().empty());
}

TEST_F(OpenApiTest, describes_query_parameters_and_public_paths) {
  const auto& get = description_.at("paths").at("/api/v1/notes").at("get");
  EXPECT_EQ(get.at("parameters").at(0).at("name"), "limit");
  EXPECT_EQ(get.at("parameters").at(0).at("in"), "query");
  EXPECT_EQ(get.at("parameters").at(0).at("required"), false);
  EXPECT_TRUE(get.at("security").as_array().empty());
  EXPECT_FALSE(description_.at("paths").as_object().contains("/hidden"));
}

TEST_F(OpenApiTest, lists_frames_and_streams) {
  const auto& frame = description_.at("x-frames").at("note");
  EXPECT_EQ(frame.at("schema").at("properties").at("type").at("const"), "note");
  EXPECT_TRUE(frame.at("schema").at("properties").as_object().contains("stream"));
  EXPECT_EQ(description_.at("x-streams").at(0), "orgs/{org}/notes");
}

TEST_F(OpenApiTest, makes_a_page_that_escapes_what_it_shows_and_loads_nothing_foreign) {
  const auto page = docs_page(endpoints_, frames_, names_);
  EXPECT_NE(page.find("Write &lt;a&gt; note"), std::string::npos);
  EXPECT_NE(page.find("id=\"error-note_taken\""), std::string::npos);
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
}

}  // namespace
}  // namespace indaba::api
