#include "gateway/formats.hpp"

#include "ws/frame_header.hpp"

namespace indaba::gateway {

net::Frame TextFormat::wrap(std::string_view json) {
  return ws::make_frame(ws::Opcode::text, json);
}

net::Frame DeflatedFormat::wrap(std::string_view json) {
  return ws::make_frame(ws::Opcode::text, deflater_.deflate(json), true);
}

net::Frame SseFormat::wrap(std::string_view json) {
  // JSON text has no line break in it: json::append_string escapes them.
  return net::Frame::of({"data: ", json, "\n\n"});
}

net::Frame JsonFormat::wrap(std::string_view json) {
  return net::Frame::of(json);
}

}  // namespace indaba::gateway
