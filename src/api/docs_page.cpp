#include "api/docs_page.hpp"

#include "base/html.hpp"

#include "api/openapi.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <map>
#include <set>

namespace indaba::api {

namespace bj = boost::json;

namespace {

using html::escaped;

// "string", "integer or null", "array of object": one schema in a word or two.
std::string type_of(const bj::value& schema) {
  const auto* object = schema.if_object();
  if (object == nullptr) return "any";
  if (const auto* names = object->if_contains("enum")) return bj::serialize(*names);
  const auto* type = object->if_contains("type");
  if (type == nullptr) return "any";
  if (const auto* several = type->if_array()) {
    std::string out;
    for (const auto& one : *several) {
      if (!out.empty()) out += " or ";
      out += std::string_view(one.as_string());
    }
    return out;
  }
  std::string out(std::string_view(type->as_string()));
  if (out == "array")
    if (const auto* items = object->if_contains("items")) out += " of " + type_of(*items);
  return out;
}

void add_properties(const bj::object& schema, std::string_view title, std::string& out) {
  const auto* properties = schema.if_contains("properties");
  if (properties == nullptr || properties->as_object().empty()) return;
  const auto* required = schema.if_contains("required");
  std::set<std::string_view> needed;
  if (required != nullptr)
    for (const auto& name : required->as_array()) needed.insert(std::string_view(name.as_string()));
  out += fmt::format("<h4>{}</h4><table>", title);
  for (const auto& property : properties->as_object()) {
    const std::string_view name = property.key();
    out += fmt::format("<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>", escaped(name),
                       escaped(type_of(property.value())), needed.contains(name) ? "required" : "");
  }
  out += "</table>";
}

void add_schema(Endpoint::Schema schema, json::Use use, std::string_view title, std::string& out) {
  if (schema == nullptr) return;
  const auto made = schema(use);
  if (const auto* object = made.if_object()) add_properties(*object, title, out);
}

void add_endpoint(const Endpoint& endpoint, std::string& out) {
  const auto& docs = endpoint.docs;
  out += fmt::format("<details><summary><b>{}</b> <code>{}</code> {}</summary>",
                     http::to_string(endpoint.method), escaped(endpoint.pattern),
                     escaped(docs.summary));
  if (!docs.description.empty()) out += fmt::format("<p>{}</p>", escaped(docs.description));
  out += fmt::format(
      "<p>For: {}{}. Answers {}.</p>", name_of(docs.access),
      docs.scope.empty()
          ? std::string()
          : fmt::format(", and API keys with the scope <code>{}</code>", escaped(docs.scope)),
      docs.status);
  add_schema(endpoint.query, json::Use::input, "Query", out);
  add_schema(endpoint.body, json::Use::input, "Body", out);
  add_schema(endpoint.reply, json::Use::output, "Answer", out);
  out += "<h4>Errors</h4><table>";
  for (const auto& error : errors_of(endpoint))
    out += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>", error.status,
                       escaped(error.code), escaped(error.when));
  out += "</table></details>";
}

void add_errors(const Endpoints& endpoints, std::string& out) {
  std::map<std::string, ErrorDocs> by_code;
  for (const auto& endpoint : endpoints.all())
    for (const auto& error : errors_of(endpoint)) by_code.emplace(error.code, error);
  const ErrorDocs others[]{
      {409, "conflict", "It contradicts what is there, or runs already."},
      {422, "idempotency_conflict", "The Idempotency-Key was used with another body."},
      {405, "method_not_allowed", "The path knows other methods; see Allow."},
      {500, "internal", "Our fault; the log has it under the request id."}};
  for (const auto& error : others) by_code.emplace(error.code, error);
  out +=
      "<h2>Errors</h2><p>Every error is <code>application/problem+json</code>; "
      "<code>code</code> is stable.</p><table>";
  for (const auto& [code, error] : by_code)
    out +=
        fmt::format("<tr id=\"error-{0}\"><td><code>{0}</code></td><td>{1}</td><td>{2}</td></tr>",
                    escaped(code), error.status, escaped(error.when));
  out += "</table>";
}

void add_sockets(const Frames& frames, const StreamNames& streams, std::string& out) {
  out += "<h2>Streams</h2><ul>";
  for (const auto& pattern : streams.patterns())
    out += fmt::format("<li><code>{}</code></li>", escaped(pattern));
  out += "</ul><h2>Socket frames</h2>";
  for (const auto& [type, entry] : frames.types()) {
    out += fmt::format("<details><summary><code>{}</code> {}</summary>", escaped(type),
                       escaped(entry.docs.summary));
    add_schema(entry.schema, json::Use::input, "Members", out);
    if (entry.docs.names_stream)
      out += "<p>And <code>stream</code>, unless the socket's address names one.</p>";
    out += "</details>";
  }
}

}  // namespace

std::string docs_page(const Endpoints& endpoints, const Frames& frames,
                      const StreamNames& streams) {
  std::map<std::string, std::vector<const Endpoint*>> by_tag;
  for (const auto& endpoint : endpoints.all())
    if (!endpoint.docs.hidden) by_tag[endpoint.docs.tag].push_back(&endpoint);
  std::string out =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>Indaba API</title>"
      "<link rel=\"stylesheet\" href=\"/api/docs/style.css\"></head><body><main><h1>Indaba API</h1>"
      "<p>For programs: <a href=\"/api/schema/\">OpenAPI 3.1</a>.</p>";
  for (const auto& [tag, list] : by_tag) {
    out += fmt::format("<h2>{}</h2>", escaped(tag.empty() ? "general" : tag));
    for (const auto* endpoint : list) add_endpoint(*endpoint, out);
  }
  add_sockets(frames, streams, out);
  add_errors(endpoints, out);
  out += "</main></body></html>\n";
  return out;
}

std::string_view docs_stylesheet() noexcept {
  return "body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1d2129;background:#fff}"
         "main{max-width:60rem;margin:0 auto;padding:1.5rem}"
         "details{border-top:1px solid #d8dce3;padding:.4rem 0}summary{cursor:pointer}"
         "table{border-collapse:collapse;width:100%}td{padding:.2rem .6rem;border-top:1px solid "
         "#eceef2;"
         "vertical-align:top;overflow-wrap:anywhere}code{font:14px ui-monospace,monospace}"
         "@media(prefers-color-scheme:dark){body{color:#e6e8ec;background:#14171c}a{color:#8ab4ff}"
         "details{border-color:#343a45}td{border-color:#262b34}}";
}

}  // namespace indaba::api
