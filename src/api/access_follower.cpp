#include "api/access_follower.hpp"

#include "api/access_record.hpp"
#include "stream/event_log.hpp"

namespace indaba::api {

namespace {

constexpr std::string_view kFindStream = "SELECT value FROM meta WHERE key = 'access_stream'";
constexpr std::string_view kKeepStream =
    "INSERT INTO meta (key, value) VALUES ('access_stream', $1) ON CONFLICT (key) DO NOTHING";

// Who missed that much forgets everything instead.
constexpr Millis kKept = std::chrono::hours(1);

}  // namespace

Result<StreamId> find_or_make_access_stream(db::WriteTx& tx, const Clock& clock, Random& random) {
  const auto id = [](const db::Row& r) { return StreamId(std::stoll(r.string(0))); };
  INDABA_TRY(const auto known, tx.sql().first<StreamId>(kFindStream, id));
  if (known) return *known;
  INDABA_TRY(const auto made, stream::create_stream(
                                  tx.sql(), {.kind = "access", .retention = kKept}, clock, random));
  INDABA_TRY_VOID(tx.sql().execute(kKeepStream, std::to_string(made.value)));
  return made;
}

void AccessFollower::start(stream::LocalHub& hub, std::function<void()> ready) {
  ready_ = std::move(ready);
  started_at_ = clock_.mono();
  subscription_ = hub.subscribe(*this, changes_.shared_stream(), "access", true);
  hub.start(*subscription_, {});
}

void AccessFollower::on_subscribed(stream::Subscription&, const stream::StreamState&, Seq since) {
  position_ = since;
  know(started_at_);
  if (ready_) std::exchange(ready_, nullptr)();
}

void AccessFollower::on_event(stream::Subscription&, stream::Rendering& rendering) {
  const auto& event = rendering.event();
  const auto record = read_access_record(event.body);
  if (!record)
    changes_.tell(AccessUnknown{});
  else if (record->node != changes_.self() || !record->node)
    changes_.tell(record->change);
  position_ = event.seq;
  moved();
}

void AccessFollower::on_reset(stream::Subscription&, stream::ResetReason reason,
                              const stream::StreamState& state) {
  log_.warn("access", "what was told of ended access is gone; everybody is looked at again",
            {{"reason", std::string(stream::to_string(reason))}});
  changes_.tell(AccessUnknown{});
  position_ = state.head;
  moved();
}

void AccessFollower::on_gone(stream::Subscription&) {
  log_.error("access", "the stream of ended access is gone; nothing is delivered any more");
  changes_.tell(AccessUnknown{});
}

void AccessFollower::looked(MonoTime asked, Seq head) {
  asked_ = asked;
  wanted_ = head;
  moved();
}

void AccessFollower::moved() {
  if (asked_ != MonoTime{} && position_ >= wanted_) know(asked_);
}

}  // namespace indaba::api
