#include "stream/event_log.hpp"

#include "base/check.hpp"
#include "stream/event_append.hpp"

#include <map>
#include <openssl/evp.h>

namespace indaba::stream {

namespace {

constexpr std::string_view kReadStream = "SELECT head, last_at, durable FROM streams WHERE id = $1";
constexpr std::string_view kMoveHead = "UPDATE streams SET head = $2, last_at = $3 WHERE id = $1";
constexpr std::string_view kFindKey =
    "SELECT seq, created_at, content_hash FROM events WHERE stream_id = $1 AND dedupe_key = $2";
constexpr std::string_view kInsertEvent =
    "INSERT INTO events (stream_id, seq, created_at, type, body, dedupe_key, content_hash)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)";
constexpr std::string_view kCreateStream =
    "INSERT INTO streams (kind, org_id, user_id, epoch, durable, retention_ms, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
constexpr std::string_view kDeleteEvents = "DELETE FROM events WHERE stream_id = $1";
constexpr std::string_view kDeleteStream = "DELETE FROM streams WHERE id = $1";
constexpr std::string_view kNewEpoch = "UPDATE streams SET epoch = $3 WHERE id = $1 AND epoch = $2";
constexpr std::string_view kNewEpochs = "UPDATE streams SET epoch = $1";

std::string make_epoch(Random& random) {
  std::array<std::byte, 8> bytes{};
  random.fill(bytes);
  std::string epoch;
  for (const auto byte : bytes) epoch += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return epoch;
}

// A stream while one group is appended to it.
struct StreamTail {
  std::int64_t head = 0;
  std::int64_t last_at = 0;
  bool durable = true;
  bool moved = false;
};

// One group on its way into the log.
class Appender {
 public:
  Appender(db::Session& session, std::int64_t now) : session_(session), now_(now) {}

  Result<void> lock_streams(std::span<const db::StagedEvent> events,
                            std::optional<std::size_t>& guilty) {
    for (const auto& event : events) tails_.try_emplace(event.draft->stream.value);
    for (auto& [id, tail] : tails_) {
      auto row = session_.first<StreamTail>(
          kReadStream,
          [](const db::Row& r) { return StreamTail{r.int64(0), r.int64(1), r.boolean(2), false}; },
          id);
      if (!row) return std::move(row).error();
      if (*row && (*row)->durable) {
        tail = **row;
        continue;
      }
      const auto first = std::find_if(events.begin(), events.end(), [&](const auto& event) {
        return event.draft->stream.value == id;
      });
      guilty = first->change;
      if (!*row) return stream_is_gone();
      return keeps_no_events();
    }
    return {};
  }

  Result<void> append(db::StagedEvent& event) {
    const auto& draft = *event.draft;
    if (draft.dedupe_key.empty()) return insert(event, std::nullopt);
    const auto hash = content_hash(draft);
    INDABA_TRY(auto first, first_use(draft));
    if (first) {
      if (first->hash != view(hash)) return key_of_other_content();
      event.result = first->place;
      event.result.duplicate = true;
      return {};
    }
    return insert(event, db::Blob{view(hash)});
  }

  Result<void> move_heads() {
    for (const auto& [id, tail] : tails_) {
      if (!tail.moved) continue;
      INDABA_TRY_VOID(session_.execute(kMoveHead, id, tail.head, tail.last_at));
    }
    return {};
  }

 private:
  Result<std::optional<FirstUse>> first_use(const db::EventDraft& draft) {
    // Earlier in this group, or in the table: the group's own rows are in the table already, so one
    // look is enough for both.
    return session_.first<FirstUse>(
        kFindKey,
        [&](const db::Row& r) {
          return FirstUse{{draft.stream, Seq(r.int64(0)), from_millis(r.int64(1)), false},
                          r.string(2)};
        },
        draft.stream, draft.dedupe_key);
  }

  Result<void> insert(db::StagedEvent& event, const std::optional<db::Blob>& hash) {
    const auto& draft = *event.draft;
    auto& tail = tails_.find(draft.stream.value)->second;
    ++tail.head;
    tail.last_at = std::max(tail.last_at, now_);
    tail.moved = true;
    event.result = {draft.stream, Seq(tail.head), from_millis(tail.last_at), false};
    const auto key = draft.dedupe_key.empty() ? std::nullopt : std::optional(draft.dedupe_key);
    return session_.execute(kInsertEvent, draft.stream, tail.head, tail.last_at, draft.type,
                            draft.body, key, hash);
  }

  db::Session& session_;
  std::int64_t now_;
  std::map<std::int64_t, StreamTail> tails_;  // in the order of ids
};

}  // namespace

ContentHash content_hash(const db::EventDraft& draft) {
  std::string text;
  text.reserve(draft.type.size() + 1 + draft.body.size());
  text.append(draft.type).push_back('\0');
  text.append(draft.body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  check(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1,
        "SHA-256 is always there");
  ContentHash hash;
  std::copy_n(digest.begin(), kHashBytes, hash.begin());
  return hash;
}

Error stream_is_gone() {
  return Error(ErrorKind::not_found, "The stream does not exist.");
}

Error keeps_no_events() {
  return Error(ErrorKind::conflict, "not_durable", "This stream keeps no events.");
}

Error key_of_other_content() {
  return Error(ErrorKind::conflict, "This dedupe key was used before, with other content.");
}

Result<void> EventLog::sequence(db::Session& session, std::span<db::StagedEvent> events,
                                std::span<const StreamId> taken,
                                std::optional<std::size_t>& guilty) {
  const auto now = to_millis(clock_.wall());
  if (session.dialect() == db::Dialect::postgres)
    return append_in_bulk(session, events, {taken, guilty, heads_, now});
  Appender appender(session, now);  // who writes SQLite is alone: there is nothing to take
  INDABA_TRY_VOID(appender.lock_streams(events, guilty));
  for (auto& event : events) {
    auto appended = appender.append(event);
    if (!appended) {
      guilty = event.change;
      return std::move(appended).error();
    }
  }
  return appender.move_heads();
}

void EventLog::settled(std::span<const db::StagedEvent> events) {
  if (heads_ == nullptr) return;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& event = events[i].result;
    const bool last = i + 1 == events.size() || events[i + 1].result.stream != event.stream;
    if (last) heads_->on_settled(event.stream, event.seq);
  }
}

void EventLog::committed(std::span<const db::StagedEvent> events) {
  if (listener_ == nullptr) return;
  std::vector<EventPtr> shared;
  shared.reserve(events.size());
  for (const auto& event : events)
    shared.push_back(std::make_shared<const Event>(Event{event.result.stream, event.result.seq,
                                                         event.result.created_at, event.draft->type,
                                                         event.draft->body}));
  listener_->on_committed(shared);
}

Result<StreamId> create_stream(db::Session& session, const NewStream& stream, const Clock& clock,
                               Random& random) {
  const auto retention =
      stream.retention ? std::optional(std::int64_t{stream.retention->count()}) : std::nullopt;
  auto id = session.first<StreamId>(
      kCreateStream, [](const db::Row& r) { return r.id<StreamId>(0); }, stream.kind, stream.org,
      stream.user, make_epoch(random), stream.durable, retention, to_millis(clock.wall()));
  if (!id) return std::move(id).error();
  if (!*id) return Error::internal("a new stream has no id");
  return **id;
}

void delete_stream(db::WriteTx& tx, StreamId stream) {
  // Its row first: whoever appends meanwhile has finished then, or finds no stream.
  tx.take(stream);
  tx.when_sequenced([stream](db::Session& session, std::span<const db::Appended>) -> Result<void> {
    INDABA_TRY_VOID(session.execute(kDeleteStream, stream));
    return session.execute(kDeleteEvents, stream);
  });
}

void begin_epoch(db::WriteTx& tx, StreamId stream, std::string over, Random& random) {
  tx.take(stream);
  tx.when_sequenced([stream, over = std::move(over), fresh = make_epoch(random)](
                        db::Session& session, std::span<const db::Appended>) {
    return session.execute(kNewEpoch, stream, over, fresh);
  });
}

Result<std::int64_t> new_epochs(db::Session& session, Random& random) {
  INDABA_TRY_VOID(session.execute(kNewEpochs, make_epoch(random)));
  return session.changed();
}

}  // namespace indaba::stream
