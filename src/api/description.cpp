#include "api/description.hpp"

#include "api/docs_page.hpp"
#include "api/openapi.hpp"

#include <boost/json/serialize.hpp>

namespace indaba::api {

namespace {

constexpr std::string_view kPagePolicy =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

Task<http::Response> text_response(std::string_view content_type, std::string_view body) {
  http::Response response;
  response.headers.set("content-type", content_type);
  response.headers.set("content-security-policy", kPagePolicy);
  response.headers.set("cache-control", "no-cache");
  response.body = body;
  co_return response;
}

}  // namespace

void Description::add_routes(Endpoints& endpoints) {
  endpoints.raw(
      http::Method::get, "/api/schema",
      {.summary = "This description, as OpenAPI 3.1",
       .tag = "description",
       .access = Access::anyone},
      [this](http::Request, PathParams) { return text_response("application/json", schema_); });
  endpoints.raw(
      http::Method::get, "/api/docs",
      {.summary = "This description, as pages", .tag = "description", .access = Access::anyone},
      [this](http::Request, PathParams) {
        return text_response("text/html; charset=utf-8", page_);
      });
  endpoints.raw(http::Method::get, "/api/docs/style.css",
                {.summary = "The pages' style", .access = Access::anyone, .hidden = true},
                [](http::Request, PathParams) {
                  return text_response("text/css; charset=utf-8", docs_stylesheet());
                });
}

void Description::build(const Endpoints& endpoints, const Frames& frames,
                        const StreamNames& streams) {
  schema_ = boost::json::serialize(openapi(endpoints, frames, streams));
  page_ = docs_page(endpoints, frames, streams);
}

}  // namespace indaba::api
