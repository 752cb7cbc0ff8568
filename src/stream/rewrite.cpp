#include "stream/rewrite.hpp"

namespace indaba::stream {

namespace {

constexpr std::string_view kRewrite =
    "UPDATE events SET body = $3 WHERE stream_id = $1 AND seq = $2";

}  // namespace

Result<void> rewrite_event(db::Session& session, StreamId stream, Seq seq, std::string_view body) {
  return session.execute(kRewrite, stream, seq, body);
}

}  // namespace indaba::stream
