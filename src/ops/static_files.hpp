// StaticFiles: the web client, served from the program itself.
//
// The build embeds web/dist (cmake/EmbedAssets.cmake): each file with its ETag and, where that is
// smaller, its gzip form. A file whose name holds a hash of its content is cached for ever; a page
// is asked for anew each time. A path that is no file and looks like none is the single page's,
// which routes by itself. Immutable; safe on any thread.
#pragma once

#include "http/message.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::ops {

struct Asset {
  std::string_view path;  // "/assets/index-3f2a91cc.js"
  std::string_view content;
  std::string_view gzip;  // empty where it does not pay
  std::string_view etag;  // with its quotes
};

// What the build put into this program; empty where the web client was not built before.
[[nodiscard]] std::span<const Asset> embedded_assets() noexcept;

class StaticFiles {
 public:
  // What the assets point at outlives this. `connect_to` are further sources that pages may connect
  // to, such as the public URL's wss: origin for browsers that do not count it as their own.
  explicit StaticFiles(std::span<const Asset> assets,
                       const std::vector<std::string>& connect_to = {});

  [[nodiscard]] bool empty() const noexcept { return assets_.empty(); }
  // The answer to a GET or HEAD of a path that no route serves; none where it is not for the web
  // client (/api/…, /ws/…, another method, a missing file). A HEAD is answered like the GET; the
  // server leaves its body out.
  [[nodiscard]] std::optional<http::Response> respond(const http::Request& request) const;

 private:
  [[nodiscard]] const Asset* find(std::string_view path) const;

  std::map<std::string_view, const Asset*> assets_;
  std::string policy_;
};

// Is the content under this name for ever the same, by a hash in it (Vite's "name-C0ntHash.js")?
[[nodiscard]] bool is_immutable(std::string_view path) noexcept;
[[nodiscard]] std::string_view content_type(std::string_view path) noexcept;

}  // namespace indaba::ops
