#include "stream/rendering.hpp"

#include "base/json_write.hpp"

namespace indaba::stream {

std::string to_json(const Event& event, std::string_view stream_name) {
  const bool sign = is_sign(event);
  const bool truncated = event.body.size() > kMaxInlineBody && !sign;
  std::string out;
  out.reserve(96 + event.type.size() + stream_name.size() + (truncated ? 0 : event.body.size()));
  out += R"({"type":)";
  json::append_string(out, event.type);
  out += R"(,"stream":)";
  json::append_string(out, stream_name);
  if (event.seq != Seq{}) {
    out += R"(,"seq":)";
    out += std::to_string(event.seq.value);
  }
  if (!sign) {
    out += R"(,"created_at":")";
    out += to_rfc3339(event.created_at);
    out += '"';
  }
  out += truncated ? R"(,"truncated":true)" : std::string_view(event.body);
  out += '}';
  return out;
}

const net::Frame& Rendering::as(WireFormat& format, std::uint16_t name,
                                std::string_view name_text) {
  if (const auto* made = made_.find(format, name)) return *made;
  return made_.keep(format, name, format.wrap(to_json(*event_, name_text)));
}

}  // namespace indaba::stream
