#include "ops/static_files.hpp"

#include "http/gzip.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace indaba::ops {

namespace {

constexpr std::string_view kPage = "/index.html";

constexpr auto kMediaTypes = std::to_array<std::pair<std::string_view, std::string_view>>({
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".webp", "image/webp"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
});

std::string_view extension(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot);
}

bool below(std::string_view path, std::string_view folder) {
  return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

// Paths that belong to the server: an unknown one of these is its 404, never a page.
bool is_servers_own(std::string_view path) {
  static constexpr auto kFolders =
      std::to_array<std::string_view>({"/api", "/ws", "/orgs", "/test", "/healthz", "/livez",
                                       "/readyz", "/health", "/status", "/metrics"});
  return std::ranges::any_of(kFolders,
                             [&](std::string_view folder) { return below(path, folder); });
}

// Does If-None-Match name this ETag (RFC 9110, weak comparison)?
bool is_known_to(const http::Headers& headers, std::string_view etag) {
  const auto field = headers.find("if-none-match");
  return field && (*field == "*" || field->find(etag) != std::string_view::npos);
}

}  // namespace

std::string_view content_type(std::string_view path) noexcept {
  const auto* found = std::ranges::find(kMediaTypes, extension(path),
                                        &std::pair<std::string_view, std::string_view>::first);
  return found == kMediaTypes.end() ? "application/octet-stream" : found->second;
}

bool is_immutable(std::string_view path) noexcept {
  if (!path.starts_with("/assets/")) return false;
  const auto stem = path.substr(0, path.size() - extension(path).size());
  const auto dash =
      stem.rfind('-', stem.size() > 8 ? stem.size() - 9 : 0);  // a hash of 8 may hold dashes itself
  return dash != std::string_view::npos && stem.size() - dash - 1 >= 8;
}

StaticFiles::StaticFiles(std::span<const Asset> assets,
                         const std::vector<std::string>& connect_to) {
  for (const auto& asset : assets) assets_.emplace(asset.path, &asset);
  policy_ =
      "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
      "font-src 'self'; object-src 'none'; "
      "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; worker-src 'self'; "
      "manifest-src 'self'; connect-src 'self'";
  for (const auto& source : connect_to) policy_ += " " + source;
}

const Asset* StaticFiles::find(std::string_view path) const {
  const auto found = assets_.find(path);
  return found == assets_.end() ? nullptr : found->second;
}

std::optional<http::Response> StaticFiles::respond(const http::Request& request) const {
  if (assets_.empty() ||
      (request.method != http::Method::get && request.method != http::Method::head))
    return std::nullopt;
  const auto* asset = find(request.path);
  if (asset == nullptr) {
    if (is_servers_own(request.path) || below(request.path, "/assets") ||
        !extension(request.path).empty())
      return std::nullopt;
    asset = find(kPage);
    if (asset == nullptr) return std::nullopt;
  }

  http::Response response;
  auto& headers = response.headers;
  const auto type = content_type(asset->path);
  headers.set("content-type", type);
  headers.set("etag", asset->etag);
  headers.set("cache-control",
              is_immutable(asset->path) ? "public, max-age=31536000, immutable" : "no-cache");
  headers.set("x-content-type-options", "nosniff");
  if (!asset->gzip.empty()) headers.set("vary", "Accept-Encoding");
  if (type.starts_with("text/html")) {
    headers.set("content-security-policy", policy_);
    headers.set("referrer-policy", "same-origin");
    headers.set("x-frame-options", "DENY");
    headers.set("cross-origin-opener-policy", "same-origin");
  }
  if (is_known_to(request.headers, asset->etag)) {
    response.status = 304;
    return response;
  }
  if (!asset->gzip.empty() && http::accepts_gzip(request.headers)) {
    headers.set("content-encoding", "gzip");
    response.body = asset->gzip;
  } else {
    response.body = asset->content;
  }
  return response;
}

}  // namespace indaba::ops
