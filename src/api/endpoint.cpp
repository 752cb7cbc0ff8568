#include "api/endpoint.hpp"

#include "base/text.hpp"

namespace indaba::api {

namespace {

// "application/json", with parameters or without; a charset that is not UTF-8 is another format.
bool is_json(std::string_view content_type) {
  const auto semicolon = content_type.find(';');
  if (!text::equal_ignoring_case(text::trim(content_type.substr(0, semicolon)), "application/json"))
    return false;
  if (semicolon == std::string_view::npos) return true;
  const auto parameters = text::to_lower(content_type.substr(semicolon));
  return parameters.find("charset=") == std::string::npos ||
         parameters.find("utf-8") != std::string::npos;
}

}  // namespace

void Endpoints::raw(http::Method method, std::string_view pattern, Docs docs,
                    Endpoint::Raw handler) {
  table_.push_back({method, std::string(pattern), std::move(docs), {}, std::move(handler)});
}

Result<boost::json::value> detail::parse_body(const http::Request& request) {
  if (request.body.empty()) return boost::json::value(boost::json::object());
  if (!is_json(request.headers.find("content-type").value_or("")))
    return Error(ErrorKind::unsupported, "Send the body as application/json.");
  return json::parse(request.body);
}

http::Response detail::json_response(int status, std::string body) {
  http::Response response;
  response.status = status;
  if (body.empty()) return response;
  response.headers.set("content-type", "application/json");
  response.body = std::move(body);
  return response;
}

}  // namespace indaba::api
