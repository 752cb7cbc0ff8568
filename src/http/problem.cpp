#include "http/problem.hpp"

#include "http/phrases.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace indaba::http {

namespace json = boost::json;

namespace {

json::array errors_of(const Error& error) {
  json::array errors;
  for (const auto& field : error.fields)
    errors.push_back(
        json::object{{"field", field.field}, {"code", field.code}, {"message", field.message}});
  return errors;
}

Response render(int status, std::string_view code, std::string_view detail,
                std::string_view request_id, json::array errors) {
  json::object body;
  body["type"] = "/api/docs/#error-" + std::string(code);
  body["title"] = status_phrase(status);
  body["status"] = status;
  body["detail"] = detail;
  body["code"] = code;
  body["request_id"] = request_id;
  body["errors"] = std::move(errors);
  Response response;
  response.status = status;
  response.body = json::serialize(body);
  response.headers.set("content-type", "application/problem+json");
  response.headers.set("cache-control", "no-store");
  return response;
}

std::string_view detail_of(const Error& error, std::string_view language) {
  if (language == "en" && !error.detail.empty() && error.kind != ErrorKind::internal)
    return error.detail;
  const auto sentence = phrase(language, error.code_or_slug(), slug(error.kind));
  return sentence.empty() ? phrase("en", error.code_or_slug(), slug(error.kind)) : sentence;
}

// Whole seconds, rounded up: a client that comes back then is not early.
std::string retry_after_seconds(std::chrono::milliseconds delay) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(delay).count();
  return std::to_string(std::max<std::int64_t>(seconds, 1));
}

}  // namespace

int status_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::internal:
      return 500;
    case ErrorKind::malformed:
      return 400;
    case ErrorKind::unauthenticated:
      return 401;
    case ErrorKind::forbidden:
      return 403;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::conflict:
      return 409;
    case ErrorKind::too_large:
      return 413;
    case ErrorKind::unsupported:
      return 415;
    case ErrorKind::invalid:
      return 422;
    case ErrorKind::rate_limited:
      return 429;
    case ErrorKind::unavailable:
      return 503;
  }
  return 500;
}

std::string_view status_phrase(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

Response problem(const Error& error, std::string_view language, std::string_view request_id) {
  const int status = status_of(error.kind);
  // Only an internal error hides its code as well: it could tell what is inside.
  const auto code =
      error.kind == ErrorKind::internal ? slug(ErrorKind::internal) : error.code_or_slug();
  auto response = render(status, code, detail_of(error, language), request_id, errors_of(error));
  if (status == 401) response.headers.set("www-authenticate", "Bearer");
  if (status == 429 || status == 503)
    response.headers.set("retry-after", retry_after_seconds(error.retry_after));
  if (status == 429 && error.limit > 0) {
    response.headers.set("ratelimit-limit", std::to_string(error.limit));
    response.headers.set("ratelimit-remaining", "0");
    response.headers.set("ratelimit-reset", retry_after_seconds(error.retry_after));
  }
  return response;
}

Response unreadable(int status, std::string_view sentence, std::string_view request_id) {
  const std::string_view code = status == 408   ? "timeout"
                                : status == 501 ? "method_not_allowed"
                                : status == 400 ? slug(ErrorKind::malformed)
                                                : slug(ErrorKind::too_large);
  auto response = render(status, code, sentence, request_id, {});
  response.headers.set("x-request-id", request_id);
  return response;
}

Response method_not_allowed(MethodSet allowed, std::string_view language,
                            std::string_view request_id) {
  constexpr std::string_view kCode = "method_not_allowed";
  auto response = render(405, kCode, phrase(language, kCode, ""), request_id, {});
  response.headers.set("allow", allowed.to_allow());
  return response;
}

}  // namespace indaba::http
