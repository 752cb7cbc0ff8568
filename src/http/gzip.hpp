// gzip for answers: text and JSON over 1 KB, where the client takes it.
#pragma once

#include "http/message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace indaba::http {

inline constexpr std::size_t kGzipFromBytes = 1024;

// Does `Accept-Encoding` allow gzip (by name or by "*", with a weight above zero)?
[[nodiscard]] bool accepts_gzip(const Headers& request_headers);

// The text as a gzip member. none where zlib has no memory.
[[nodiscard]] std::optional<std::string> gzip(std::string_view text);

// Compresses the body in place where that pays and is allowed: over kGzipFromBytes, JSON or text,
// not an event stream, not encoded yet. Sets Content-Encoding, and Vary on everything that could
// have been compressed.
void gzip_if_accepted(const Headers& request_headers, Response& response);

}  // namespace indaba::http
