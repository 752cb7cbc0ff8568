#include "stream/sql_store.hpp"

#include "base/check.hpp"
#include "base/random.hpp"
#include "stream/event_log.hpp"

#include <algorithm>

namespace indaba::stream {

namespace {

constexpr std::string_view kReadState = "SELECT epoch, head, oldest FROM streams WHERE id = $1";
constexpr std::string_view kReadAfter =
    "SELECT seq, created_at, type, body FROM events WHERE stream_id = $1 AND seq > $2"
    " ORDER BY seq LIMIT $3";
constexpr std::string_view kReadBefore =
    "SELECT seq, created_at, type, body FROM events WHERE stream_id = $1 AND seq < $2"
    " ORDER BY seq DESC LIMIT $3";

constexpr std::string_view kReadHeads =
    "SELECT wanted.id, s.epoch, s.head, s.oldest, s.rewrites, CASE WHEN pg_is_in_recovery() THEN 1 "
    "ELSE 0 END FROM unnest($1::bigint[]) AS wanted(id) LEFT JOIN streams s ON s.id = wanted.id";

// Rows come in pieces, so that a page of long events does not read hundreds of rows past its limit
// of bytes.
constexpr std::size_t kPiece = 64;

// Fills a page until one of its limits is met. The first event is taken whatever its size.
class PageFiller {
 public:
  PageFiller(StreamId stream, PageLimit limit, std::vector<EventPtr>& events)
      : stream_(stream), limit_(limit), events_(events) {}

  [[nodiscard]] bool full() const noexcept { return full_ || events_.size() >= limit_.events; }
  [[nodiscard]] std::size_t next_piece() const noexcept {
    return std::min(kPiece, limit_.events - events_.size());
  }
  void take(const db::Row& row) {
    const std::size_t size = row.text(3).size();
    if (!events_.empty() && bytes_ + size > limit_.bytes) full_ = true;
    if (full_) return;
    bytes_ += size;
    events_.push_back(std::make_shared<const Event>(Event{
        stream_, Seq(row.int64(0)), from_millis(row.int64(1)), row.string(2), row.string(3)}));
  }

 private:
  StreamId stream_;
  PageLimit limit_;
  std::vector<EventPtr>& events_;
  std::size_t bytes_ = 0;
  bool full_ = false;
};

Result<void> fill(db::Session& session, std::string_view sql, StreamId stream, std::int64_t from,
                  PageLimit limit, std::vector<EventPtr>& events) {
  PageFiller filler(stream, limit, events);
  while (!filler.full()) {
    const auto piece = static_cast<std::int64_t>(filler.next_piece());
    std::int64_t rows = 0;
    const std::initializer_list<db::Param> params{stream, from, piece};
    INDABA_TRY_VOID(session.run(sql, params, [&](const db::Row& row) {
      ++rows;
      filler.take(row);
    }));
    if (rows < piece) break;
    from = events.back()->seq.value;
  }
  return {};
}

// A read that answers on the executor it was asked from.
template <class T>
class LogQuery final : public db::Query {
 public:
  using Read = std::move_only_function<Result<T>(db::Session&)>;
  using OnRead = std::move_only_function<void(Result<T>)>;

  LogQuery(Read read, Executor* executor, OnRead on_read)
      : read_(std::move(read)), executor_(executor), on_read_(std::move(on_read)) {}
  void run(db::Session& session) override { answer(read_(session)); }
  void refuse(Error error) override { answer(std::move(error)); }

 private:
  void answer(Result<T> found) {
    executor_->post([on_read = std::move(on_read_), found = std::move(found)]() mutable {
      on_read(std::move(found));
    });
  }

  Read read_;
  Executor* executor_;
  OnRead on_read_;
};

// Likewise a change.
class EpochChange final : public db::Change {
 public:
  EpochChange(std::vector<LostEpoch> lost, Executor* executor, HeadSource::OnBegun on_begun)
      : lost_(std::move(lost)), executor_(executor), on_begun_(std::move(on_begun)) {}

  Result<void> apply(db::WriteTx& tx) override {
    for (const auto& lost : lost_) begin_epoch(tx, lost.stream, lost.epoch, random_);
    return {};
  }
  void finish(Result<std::vector<db::Appended>> outcome) override {
    Result<void> begun;
    if (!outcome) begun = std::move(outcome).error();
    executor_->post([on_begun = std::move(on_begun_), begun = std::move(begun)]() mutable {
      on_begun(std::move(begun));
    });
  }

 private:
  const std::vector<LostEpoch> lost_;
  Executor* executor_;
  HeadSource::OnBegun on_begun_;
  SystemRandom random_;
};

template <class T>
void ask(db::Database& database, typename LogQuery<T>::Read read,
         typename LogQuery<T>::OnRead on_read) {
  auto* executor = Executor::current();
  check(executor != nullptr, "the store is asked on an executor, and answers there");
  database.submit(std::make_unique<LogQuery<T>>(std::move(read), executor, std::move(on_read)));
}

}  // namespace

Result<StreamState> read_state(db::Session& session, StreamId stream) {
  auto state = session.first<StreamState>(
      kReadState,
      [](const db::Row& r) { return StreamState{r.string(0), Seq(r.int64(1)), Seq(r.int64(2))}; },
      stream);
  if (!state) return std::move(state).error();
  if (!*state) return Error(ErrorKind::not_found, "The stream does not exist.");
  return **std::move(state);
}

Result<Page> read_page_after(db::Session& session, StreamId stream, Seq after, PageLimit limit) {
  Page page;
  INDABA_TRY(page.state, read_state(session, stream));
  const auto from = std::max(after.value, page.state.oldest.value - 1);
  INDABA_TRY_VOID(fill(session, kReadAfter, stream, from, limit, page.events));
  return page;
}

Result<Page> read_newest_page(db::Session& session, StreamId stream, PageLimit limit) {
  Page page;
  INDABA_TRY(page.state, read_state(session, stream));
  INDABA_TRY_VOID(
      fill(session, kReadBefore, stream, page.state.head.value + 1, limit, page.events));
  std::reverse(page.events.begin(), page.events.end());
  return page;
}

Result<std::vector<StreamHead>> read_heads(db::Session& session,
                                           std::span<const std::int64_t> streams) {
  std::vector<StreamHead> heads;
  heads.reserve(streams.size());
  const std::array<db::Param, 1> params{db::Param(db::Integers{streams})};
  bool behind = false;
  INDABA_TRY_VOID(session.run(kReadHeads, params, [&](const db::Row& r) {
    heads.push_back({r.id<StreamId>(0),
                     {r.string(1), Seq(r.int64(2)), Seq(r.int64(3))},
                     r.int64(4),
                     r.is_null(1)});
    behind = behind || r.boolean(5);
  }));
  // What a standby has not yet is not lost.
  if (behind) return Error(ErrorKind::unavailable, "The database answers by a standby.");
  return heads;
}

void SqlStore::read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) {
  ask<Page>(
      database_,
      [=](db::Session& session) { return read_page_after(session, stream, after, limit); },
      std::move(on_page));
}

void SqlStore::read_newest(StreamId stream, PageLimit limit, OnPage on_page) {
  ask<Page>(
      database_, [=](db::Session& session) { return read_newest_page(session, stream, limit); },
      std::move(on_page));
}

void SqlHeadSource::read_heads(std::vector<std::int64_t> streams, OnHeads on_heads) {
  ask<std::vector<StreamHead>>(
      database_,
      [streams = std::move(streams)](db::Session& session) {
        return stream::read_heads(session, streams);
      },
      std::move(on_heads));
}

void SqlHeadSource::begin_epochs(std::vector<LostEpoch> lost, OnBegun on_begun) {
  auto* executor = Executor::current();
  check(executor != nullptr, "the store is asked on an executor, and answers there");
  database_.submit(db::Shard(),
                   std::make_unique<EpochChange>(std::move(lost), executor, std::move(on_begun)));
}

}  // namespace indaba::stream
