#include "api/whole_event.hpp"

#include "base/json_write.hpp"
#include "stream/sql_store.hpp"

namespace indaba::api {

std::string whole_event(std::string_view type, std::string_view stream_name, Seq seq,
                        WallTime created_at, std::string_view body) {
  std::string out = "{";
  json::append_member(out, "type", type);
  json::append_member(out, "stream", stream_name);
  json::append_member(out, "seq", seq);
  json::append_member(out, "created_at", created_at);
  out += body;
  out += '}';
  return out;
}

Result<std::string> read_whole_event(db::Session& session, StreamId stream,
                                     std::string_view stream_name, Seq seq) {
  // A page holds at least one event, whatever its bytes.
  INDABA_TRY(const auto page,
             stream::read_page_after(session, stream, Seq(seq.value - 1), {.events = 1}));
  if (page.events.empty() || page.events.front()->seq != seq)
    return Error(ErrorKind::not_found, "There is no such event, or it is no longer kept.");
  const auto& event = *page.events.front();
  return whole_event(event.type, stream_name, seq, event.created_at, event.body);
}

}  // namespace indaba::api
