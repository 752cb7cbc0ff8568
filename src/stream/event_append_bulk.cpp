#include "stream/event_append.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace indaba::stream {

namespace {

constexpr std::string_view kTakeStreams =
    "SELECT id, head, last_at, durable FROM streams WHERE id = ANY($1)"
    " ORDER BY id FOR NO KEY UPDATE";
constexpr std::string_view kFindKeys =
    "SELECT e.stream_id, e.dedupe_key, e.seq, e.created_at, e.content_hash"
    " FROM unnest($1, $2) AS k (stream_id, dedupe_key)"
    " JOIN events e ON e.stream_id = k.stream_id AND e.dedupe_key = k.dedupe_key"
    " AND e.dedupe_key IS NOT NULL";
constexpr std::string_view kInsertEvents =
    "INSERT INTO events (stream_id, seq, created_at, type, body, dedupe_key, content_hash)"
    " SELECT stream_id, seq, created_at, type, body, nullif(dedupe_key, ''),"
    " nullif(content_hash, '') FROM unnest($1, $2, $3, $4, $5, $6, $7)"
    " AS e (stream_id, seq, created_at, type, body, dedupe_key, content_hash)";
constexpr std::string_view kMoveHeads =
    "UPDATE streams SET head = moved.head, last_at = moved.last_at"
    " FROM unnest($1, $2, $3) AS moved (id, head, last_at) WHERE streams.id = moved.id";

struct BulkTail {
  std::int64_t head = 0;
  std::int64_t last_at = 0;
  bool moved = false;
};

class BulkAppender {
 public:
  BulkAppender(db::Session& session, std::span<db::StagedEvent> events, std::int64_t now)
      : session_(session), events_(events), now_(now) {}

  Result<void> take_streams(std::span<const StreamId> taken, std::optional<std::size_t>& guilty) {
    std::vector<std::int64_t> ids;
    for (const auto stream : taken) ids.push_back(stream.value);
    for (const auto& event : events_) ids.push_back(event.draft->stream.value);
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    std::vector<std::int64_t> ephemeral;
    const std::array<db::Param, 1> params{db::Param(db::Integers{ids})};
    INDABA_TRY_VOID(session_.run(kTakeStreams, params, [&](const db::Row& row) {
      if (row.boolean(3))
        tails_[row.int64(0)] = {row.int64(1), row.int64(2), false};
      else
        ephemeral.push_back(row.int64(0));
    }));
    for (const auto& event : events_) {
      if (tails_.contains(event.draft->stream.value)) continue;
      guilty = event.change;
      if (std::ranges::count(ephemeral, event.draft->stream.value) > 0) return keeps_no_events();
      return stream_is_gone();
    }
    return {};
  }

  void tell(HeadListener& heads) const {
    for (const auto& [id, tail] : tails_) heads.on_taken(StreamId(id), Seq(tail.head));
  }

  Result<void> find_keys() {
    std::vector<std::int64_t> streams;
    std::vector<std::string_view> keys;
    for (const auto& event : events_) {
      if (event.draft->dedupe_key.empty()) continue;
      streams.push_back(event.draft->stream.value);
      keys.emplace_back(event.draft->dedupe_key);
    }
    if (keys.empty()) return {};
    const std::array<db::Param, 2> params{db::Param(db::Integers{streams}),
                                          db::Param(db::Texts{keys})};
    return session_.run(kFindKeys, params, [&](const db::Row& row) {
      const StreamId stream(row.int64(0));
      used_.insert_or_assign(
          {stream.value, row.string(1)},
          FirstUse{{stream, Seq(row.int64(2)), from_millis(row.int64(3)), false}, row.string(4)});
    });
  }

  Result<void> place(db::StagedEvent& event) {
    const auto& draft = *event.draft;
    auto& tail = tails_.find(draft.stream.value)->second;
    std::string hash;
    if (!draft.dedupe_key.empty()) {
      hash = view(content_hash(draft));
      const auto first = used_.find({draft.stream.value, draft.dedupe_key});
      if (first != used_.end()) {
        if (first->second.hash != hash) return key_of_other_content();
        event.result = first->second.place;
        event.result.duplicate = true;
        return {};
      }
    }
    ++tail.head;
    tail.last_at = std::max(tail.last_at, now_);
    tail.moved = true;
    event.result = {draft.stream, Seq(tail.head), from_millis(tail.last_at), false};
    if (!hash.empty()) used_.insert({{draft.stream.value, draft.dedupe_key}, {event.result, hash}});
    hashes_.push_back(std::move(hash));
    fresh_.push_back(&event);
    return {};
  }

  Result<void> store() {
    if (fresh_.empty()) return {};
    Columns columns;
    for (std::size_t i = 0; i < fresh_.size(); ++i) columns.add(*fresh_[i], hashes_[i]);
    const std::array<db::Param, 7> rows{
        db::Param(db::Integers{columns.streams}), db::Param(db::Integers{columns.seqs}),
        db::Param(db::Integers{columns.times}),   db::Param(db::Texts{columns.types}),
        db::Param(db::Texts{columns.bodies}),     db::Param(db::Texts{columns.keys}),
        db::Param(db::Blobs{columns.hashes})};
    INDABA_TRY_VOID(session_.run_later(kInsertEvents, rows));
    return move_heads();
  }

 private:
  struct Columns {
    std::vector<std::int64_t> streams;
    std::vector<std::int64_t> seqs;
    std::vector<std::int64_t> times;
    std::vector<std::string_view> types;
    std::vector<std::string_view> bodies;
    std::vector<std::string_view> keys;
    std::vector<std::string_view> hashes;

    void add(const db::StagedEvent& event, const std::string& hash) {
      streams.push_back(event.result.stream.value);
      seqs.push_back(event.result.seq.value);
      times.push_back(to_millis(event.result.created_at));
      types.emplace_back(event.draft->type);
      bodies.emplace_back(event.draft->body);
      keys.emplace_back(event.draft->dedupe_key);
      hashes.emplace_back(hash);
    }
  };

  Result<void> move_heads() {
    std::vector<std::int64_t> ids;
    std::vector<std::int64_t> heads;
    std::vector<std::int64_t> times;
    for (const auto& [id, tail] : tails_) {
      if (!tail.moved) continue;
      ids.push_back(id);
      heads.push_back(tail.head);
      times.push_back(tail.last_at);
    }
    const std::array<db::Param, 3> rows{db::Param(db::Integers{ids}),
                                        db::Param(db::Integers{heads}),
                                        db::Param(db::Integers{times})};
    return session_.run_later(kMoveHeads, rows);
  }

  db::Session& session_;
  std::span<db::StagedEvent> events_;
  std::int64_t now_;
  std::unordered_map<std::int64_t, BulkTail> tails_;
  std::map<std::pair<std::int64_t, std::string>, FirstUse> used_;
  std::vector<const db::StagedEvent*> fresh_;
  std::vector<std::string> hashes_;  // of fresh_; empty without a key
};

}  // namespace

Result<void> append_in_bulk(db::Session& session, std::span<db::StagedEvent> events,
                            const BulkAppend& how) {
  BulkAppender appender(session, events, how.now);
  INDABA_TRY_VOID(appender.take_streams(how.taken, how.guilty));
  if (how.heads != nullptr) appender.tell(*how.heads);
  INDABA_TRY_VOID(appender.find_keys());
  for (auto& event : events) {
    auto placed = appender.place(event);
    if (!placed) {
      how.guilty = event.change;
      return placed;
    }
  }
  return appender.store();
}

}  // namespace indaba::stream
