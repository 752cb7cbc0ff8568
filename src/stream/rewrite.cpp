#include "stream/rewrite.hpp"

namespace indaba::stream {

namespace {

constexpr std::string_view kRewrite =
    "UPDATE events SET body = $3 WHERE stream_id = $1 AND seq = $2";
constexpr std::string_view kCount = "UPDATE streams SET rewrites = rewrites + 1 WHERE id = $1";

}  // namespace

Result<void> rewrite_events(db::WriteTx& tx, RewriteListener& listener, StreamId stream,
                            std::span<const Seq> seqs, std::string_view body) {
  for (const Seq seq : seqs) {
    INDABA_TRY_VOID(tx.sql().execute(kRewrite, stream, seq, body));
  }
  tx.take(stream);
  tx.when_sequenced([stream](db::Session& session, std::span<const db::Appended>) {
    return session.execute(kCount, stream);
  });
  tx.after_commit([&listener, stream] { listener.on_rewritten(stream); });
  return {};
}

}  // namespace indaba::stream
