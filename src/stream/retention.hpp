// Retention: the oldest events of every stream go when their time is over, and `oldest` moves with
// them in the same transaction.
//
// trim() is awaited on an executor and works in small transactions, so that no writer waits long
// for it. What a reader has been promised is told by `oldest`: whoever stands before it gets a
// reset, never a silent gap.
#pragma once

#include "base/task.hpp"
#include "db/database.hpp"
#include "stream/event.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace indaba::stream {

struct RetentionPolicy {
  // By kind of stream; a kind that is not named keeps `otherwise`. nullopt: for ever. A stream's
  // own setting comes first.
  std::map<std::string, std::optional<Millis>, std::less<>> by_kind;
  std::optional<Millis> otherwise = std::chrono::days(30);

  [[nodiscard]] std::optional<Millis> of(std::string_view kind) const;
};

// Called on trim()'s executor, after the commit.
class RetentionListener {
 public:
  virtual ~RetentionListener() = default;
  virtual void on_trimmed(StreamId stream, Seq oldest) = 0;
};

struct TrimRequest {
  RetentionPolicy policy;
  StreamId stream;  // none: all streams
  WallTime now{};
  int batch = 1000;  // events a transaction
};

struct TrimReport {
  std::int64_t streams = 0;  // that lost events
  std::int64_t events = 0;
};

// `listener` may be nullptr. After an error what was trimmed before it stays trimmed, and the next
// run goes on.
[[nodiscard]] Task<Result<TrimReport>> trim(db::Database& database, TrimRequest request,
                                            RetentionListener* listener);

// --- For whoever keeps events elsewhere before they go (ops/archive.hpp)

// A stream that keeps events.
struct KeptStream {
  StreamId stream;
  std::string kind;
  OrgId org;
  std::optional<Millis> own_retention;
  WallTime oldest_at{};  // of its oldest event
};
// In the order of their ids, behind `after`; so many at a time.
inline constexpr int kStreamsAtOnce = 256;
[[nodiscard]] Result<std::vector<KeptStream>> list_kept_streams(db::Session& session,
                                                                StreamId after, StreamId only);
// Everything up to `last` goes. How many there were.
[[nodiscard]] Result<std::int64_t> trim_through(db::WriteTx& tx, StreamId stream, Seq last);

}  // namespace indaba::stream
