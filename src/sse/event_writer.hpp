// Server-sent events as bytes (WHATWG HTML, section 9.2.5).
//
// Nothing that is written can forge a field: a line end in data starts another data line (the
// reader joins them with "\n"), and is left out of a name or an id, as is NUL, which would make a
// reader ignore the id.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace indaba::sse {

// One event. An empty name is the unnamed event ("message"); without an id the reader keeps the
// last one.
void append_event(std::string& out, std::string_view name, std::string_view id,
                  std::string_view data);

// A line that every reader ignores: keeps proxies from closing a quiet stream.
void append_comment(std::string& out, std::string_view text);

// How long a reader waits before it reconnects.
void append_retry(std::string& out, std::chrono::milliseconds delay);

}  // namespace indaba::sse
