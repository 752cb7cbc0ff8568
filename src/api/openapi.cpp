#include "api/openapi.hpp"

#include "api/checks.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace indaba::api {

namespace bj = boost::json;

namespace {

bj::object schema_ref(std::string_view name) {
  return {{"$ref", fmt::format("#/components/schemas/{}", name)}};
}

bj::object json_content(bj::value schema, std::string_view type = "application/json") {
  return {{type, bj::object{{"schema", std::move(schema)}}}};
}

// A path's parameters are slugs, but for those that count.
bj::object param_schema(std::string_view name) {
  if (name == "id" || name == "seq" || name.ends_with("_id"))
    return {{"type", "integer"}, {"minimum", 1}, {"maximum", json::kMaxSafeInteger}};
  return {{"type", "string"}};
}

// The properties of a query's schema become parameters.
void add_query_params(const bj::value& schema, bj::array& out) {
  const auto& object = schema.as_object();
  const auto* required = object.if_contains("required");
  for (const auto& property : object.at("properties").as_object()) {
    const auto is_this = [&](const bj::value& name) { return name == property.key(); };
    const bool needed = required != nullptr && std::ranges::any_of(required->as_array(), is_this);
    out.push_back(bj::object{{"name", property.key()},
                             {"in", "query"},
                             {"required", needed},
                             {"schema", property.value()}});
  }
}

bj::array parameters_of(const Endpoint& endpoint) {
  bj::array out;
  for (const auto& name : params_of(endpoint.pattern))
    out.push_back(bj::object{
        {"name", name}, {"in", "path"}, {"required", true}, {"schema", param_schema(name)}});
  if (endpoint.query != nullptr) add_query_params(endpoint.query(json::Use::input), out);
  if (endpoint.method == http::Method::post && !endpoint.docs.credentials && endpoint.prepare)
    out.push_back(bj::object{{"$ref", "#/components/parameters/IdempotencyKey"}});
  return out;
}

bj::object responses_of(const Endpoint& endpoint) {
  bj::object success{{"description", http::status_phrase(endpoint.docs.status)}};
  if (endpoint.reply != nullptr)
    success["content"] = json_content(endpoint.reply(json::Use::output));
  bj::object out{{std::to_string(endpoint.docs.status), std::move(success)}};
  std::map<int, std::string> by_status;
  for (const auto& error : errors_of(endpoint)) {
    auto& text = by_status[error.status];
    text += fmt::format("{}`{}`: {}", text.empty() ? "" : " ", error.code, error.when);
  }
  for (const auto& [status, text] : by_status)
    out[std::to_string(status)] =
        bj::object{{"description", text},
                   {"content", json_content(schema_ref("Problem"), "application/problem+json")}};
  return out;
}

bj::array security_of(const Endpoint& endpoint) {
  if (endpoint.docs.access == Access::anyone) return {};
  bj::array out{bj::object{{"bearer", bj::array()}}, bj::object{{"session", bj::array()}}};
  if (!endpoint.docs.scope.empty()) out.push_back(bj::object{{"token", bj::array()}});
  return out;
}

bj::object operation_of(const Endpoint& endpoint) {
  const auto& docs = endpoint.docs;
  bj::object out{{"summary", docs.summary}, {"x-access", name_of(docs.access)}};
  if (!docs.description.empty()) out["description"] = docs.description;
  if (!docs.tag.empty()) out["tags"] = bj::array{docs.tag};
  if (!docs.scope.empty()) out["x-scope"] = docs.scope;
  if (auto parameters = parameters_of(endpoint); !parameters.empty())
    out["parameters"] = std::move(parameters);
  if (endpoint.body != nullptr)
    out["requestBody"] =
        bj::object{{"required", true}, {"content", json_content(endpoint.body(json::Use::input))}};
  out["responses"] = responses_of(endpoint);
  out["security"] = security_of(endpoint);
  return out;
}

bj::object problem_schema() {
  const bj::object text{{"type", "string"}};
  const bj::object field{
      {"type", "object"},
      {"properties", bj::object{{"field", text}, {"code", text}, {"message", text}}}};
  return {
      {"type", "object"},
      {"required", bj::array{"type", "title", "status", "detail", "code", "request_id", "errors"}},
      {"properties", bj::object{{"type", text},
                                {"title", text},
                                {"status", bj::object{{"type", "integer"}}},
                                {"detail", text},
                                {"code", text},
                                {"request_id", text},
                                {"errors", bj::object{{"type", "array"}, {"items", field}}}}}};
}

bj::object components() {
  const bj::object key{
      {"name", "Idempotency-Key"},
      {"in", "header"},
      {"required", false},
      {"description", "The same key and body again within 24 hours get the same answer."},
      {"schema", bj::object{{"type", "string"}, {"maxLength", 255}}}};
  return {
      {"schemas", bj::object{{"Problem", problem_schema()}}},
      {"parameters", bj::object{{"IdempotencyKey", key}}},
      {"securitySchemes",
       bj::object{
           {"bearer", bj::object{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}},
           {"token", bj::object{{"type", "apiKey"},
                                {"in", "header"},
                                {"name", "Authorization"},
                                {"description", "`Token <API key or personal token>`"}}},
           {"session", bj::object{{"type", "apiKey"}, {"in", "cookie"}, {"name", "session"}}}}}};
}

bj::object frames_of(const Frames& frames) {
  bj::object out;
  for (const auto& [type, entry] : frames.types()) {
    auto schema = entry.schema(json::Use::input).as_object();
    auto& properties = schema["properties"].as_object();
    properties["type"] = bj::object{{"const", type}};
    properties["ref"] = bj::object{{"type", "string"}};
    if (entry.docs.names_stream) properties["stream"] = bj::object{{"type", "string"}};
    out[type] = bj::object{{"summary", entry.docs.summary}, {"schema", std::move(schema)}};
  }
  return out;
}

}  // namespace

std::string_view name_of(Access access) noexcept {
  switch (access) {
    case Access::anyone:
      return "anyone";
    case Access::user:
      return "user";
    case Access::member:
      return "member";
    case Access::moderator:
      return "moderator";
    case Access::admin:
      return "admin";
    case Access::owner:
      return "owner";
    case Access::superuser:
      return "superuser";
  }
  return "";
}

std::vector<std::string> params_of(std::string_view pattern) {
  std::vector<std::string> out;
  for (auto open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    const auto close = pattern.find('}', open);
    out.emplace_back(pattern.substr(open + 1, close - open - 1));
  }
  return out;
}

std::vector<ErrorDocs> errors_of(const Endpoint& endpoint) {
  const auto& docs = endpoint.docs;
  auto out = docs.errors;
  const auto add = [&out](int status, std::string_view code, std::string_view when) {
    out.push_back({status, std::string(code), std::string(when)});
  };
  if (docs.access != Access::anyone) {
    add(401, "unauthenticated", "No credentials, or wrong ones.");
    add(401, "token_expired", "The token was right once.");
  }
  if (docs.access > Access::member || !docs.scope.empty())
    add(403, "forbidden", "The role or the scope does not allow it.");
  if (is_of_org(docs.access))
    add(404, "not_found", "No such thing, or not for the caller to know.");
  if (endpoint.body != nullptr) {
    add(400, "malformed", "The body is not JSON.");
    add(413, "too_large", "The body is over 1 MiB.");
    add(415, "unsupported_media_type", "The body is not application/json.");
  }
  if (endpoint.body != nullptr || endpoint.query != nullptr)
    add(422, "invalid", "A value is wrong, missing or unknown; `errors` names it.");
  if (is_unsafe(endpoint.method) && docs.limit != Limit::none)
    add(429, "rate_limited", "Too many; `Retry-After` says when.");
  add(503, "unavailable", "Try again after `Retry-After`.");
  return out;
}

bj::object openapi(const Endpoints& endpoints, const Frames& frames, const StreamNames& streams) {
  bj::object paths;
  for (const auto& endpoint : endpoints.all()) {
    if (endpoint.docs.hidden) continue;
    auto& path = paths[endpoint.pattern];
    if (!path.is_object()) path = bj::object();
    std::string method(http::to_string(endpoint.method));
    std::ranges::transform(method, method.begin(), [](unsigned char c) { return std::tolower(c); });
    path.as_object()[method] = operation_of(endpoint);
  }
  bj::array names;
  for (const auto& pattern : streams.patterns()) names.push_back(bj::string(pattern));
  return {{"openapi", "3.1.0"},
          {"info", bj::object{{"title", "Indaba"}, {"version", INDABA_VERSION}}},
          {"paths", std::move(paths)},
          {"components", components()},
          {"x-frames", frames_of(frames)},
          {"x-streams", std::move(names)}};
}

}  // namespace indaba::api
