#include "gateway/resume.hpp"

#include "base/json.hpp"
#include "base/reflect.hpp"

#include <fmt/format.h>

#include <array>

namespace indaba::gateway {

namespace {

// One statement for insert and update: the newer one wins, as newer() has it, whichever node writes
// last.
constexpr std::string_view kUpsert = R"(
  INSERT INTO socket_sessions (user_id, uuid, count, positions, saved_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (user_id, uuid) DO UPDATE
    SET count = excluded.count, positions = excluded.positions, saved_at = excluded.saved_at
    WHERE CASE socket_sessions.positions WHEN '' THEN socket_sessions.saved_at < excluded.saved_at
          ELSE (socket_sessions.count, socket_sessions.saved_at) <= (excluded.count, excluded.saved_at)
          END)";
constexpr std::string_view kFind =
    "SELECT count, positions, saved_at FROM socket_sessions WHERE user_id = $1 AND uuid = $2 AND "
    "saved_at >= $3";
// A row rather than none: a batch of before, on its way from whatever thread, must not bring back
// what it has.
constexpr std::string_view kWithdrawn = "";
constexpr std::string_view kPurge = "DELETE FROM socket_sessions WHERE saved_at < $1";
constexpr Millis kPurgeEvery{60'000};

// user 0 stands for those without an account (an API key, an open counter): NULL would make every
// row distinct.
std::int64_t user_column(UserId user) {
  return user.value;
}

// [["orgs/acme/notifications",42,"<epoch>"],…,{"ids":[[17,1],…]}]: the ids of the streams and their
// organisations stand behind the positions, in the same order, where a version that knows nothing
// of them passes over them.
std::string encode(const std::vector<SavedPosition>& positions) {
  std::string out = "[";
  std::string ids;
  for (const auto& position : positions) {
    if (!ids.empty()) ids += ',';
    ids += fmt::format("[{},{}]", position.id.value, position.org.value);
    out += '[';
    json::append_string(out, position.stream);
    out += ',' + std::to_string(position.seq.value) + ',';
    json::append_string(out, position.epoch);
    out += "],";
  }
  return out + R"({"ids":[)" + ids + "]}]";
}

void decode_ids(const boost::json::object& behind, std::vector<SavedPosition>& positions) {
  const auto* ids = behind.if_contains("ids");
  if (ids == nullptr || !ids->is_array() || ids->get_array().size() != positions.size()) return;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto* pair = ids->get_array()[i].if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_int64() || !(*pair)[1].is_int64())
      continue;
    positions[i].id = StreamId((*pair)[0].get_int64());
    positions[i].org = OrgId((*pair)[1].get_int64());
  }
}

std::vector<SavedPosition> decode(std::string_view text) {
  std::vector<SavedPosition> out;
  const auto value = json::parse(text);
  if (!value || !value->is_array()) return out;
  for (const auto& item : value->get_array()) {
    if (const auto* behind = item.if_object()) decode_ids(*behind, out);
    const auto* parts = item.if_array();
    if (parts == nullptr || parts->size() != 3 || !(*parts)[0].is_string() ||
        !(*parts)[1].is_int64() || !(*parts)[2].is_string())
      continue;
    out.push_back({std::string((*parts)[0].get_string()), Seq((*parts)[1].get_int64()),
                   std::string((*parts)[2].get_string()), StreamId(), OrgId()});
  }
  return out;
}

}  // namespace

std::optional<SavedSession> newer(std::optional<SavedSession> one,
                                  std::optional<SavedSession> other) {
  if (!one) return other;
  if (!other) return one;
  const bool counted_anew = one->withdrawn || other->withdrawn;
  if (one->count != other->count && !counted_anew) return one->count > other->count ? one : other;
  return one->saved_at >= other->saved_at ? one : other;
}

std::string ResumeStore::key(UserId user, std::string_view uuid) {
  return std::to_string(user.value) + '/' + std::string(uuid);
}

void ResumeStore::save(SavedSession session, Connection connection) {
  session.saved_at = clock_.wall();
  const std::scoped_lock lock(mutex_);
  auto name = key(session.user, session.uuid);
  auto& entry = sessions_[name];
  const bool queued = !entry.written && !entry.session.uuid.empty();
  entry = Entry{std::move(session), connection, false};
  if (!queued) unwritten_.push_back(std::move(name));
}

std::optional<SavedSession> ResumeStore::remembered(UserId user, std::string_view uuid) {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(key(user, uuid));
  if (found == sessions_.end() || !fresh(found->second.session)) return std::nullopt;
  return found->second.session;
}

Task<std::optional<SavedSession>> ResumeStore::find(UserId user, std::string uuid) {
  auto here = remembered(user, uuid);
  // Where there are other nodes, it may have been on one of them since.
  if (here && database_.dialect() == db::Dialect::sqlite) co_return here;
  const auto since = to_millis(clock_.wall() - ttl_);
  auto query = [user, uuid, since](db::Session& session) {
    return session.first<SavedSession>(
        kFind,
        [&](const db::Row& row) {
          const auto positions = row.text(1);
          return SavedSession{user,
                              uuid,
                              row.int64(0),
                              decode(positions),
                              from_millis(row.int64(2)),
                              positions == kWithdrawn};
        },
        user_column(user), uuid, since);
  };
  auto reading = database_.read(query);
  auto found = co_await reading;
  if (!found) co_return here;
  co_return newer(std::move(here), *std::move(found));
}

std::optional<SavedSession> ResumeStore::take(UserId user, std::string_view uuid) {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(key(user, uuid));
  if (found == sessions_.end()) return std::nullopt;
  auto session = std::move(found->second.session);
  sessions_.erase(found);
  if (!fresh(session)) return std::nullopt;
  return session;
}

Task<void> ResumeStore::withdraw(UserId user, std::string uuid, std::int64_t count) {
  {
    const std::scoped_lock lock(mutex_);
    sessions_.erase(key(user, uuid));
  }
  const SavedSession session{user, std::move(uuid), count, {}, clock_.wall(), true};
  auto change = [session](db::WriteTx& tx) { return write_row(tx, session); };
  auto writing = database_.write(db::Shard(), change);
  const auto written = co_await writing;
  if (!written)
    log_.warn("gateway", "what was saved of a session could not be withdrawn",
              {{"reason", written.error().log}});
}

Result<void> ResumeStore::write_row(db::WriteTx& tx, const SavedSession& session) {
  const auto positions = session.withdrawn ? std::string(kWithdrawn) : encode(session.positions);
  const std::array<db::Param, 5> row{user_column(session.user), session.uuid, session.count,
                                     positions, to_millis(session.saved_at)};
  return tx.sql().run_later(kUpsert, row);
}

std::vector<SavedSession> ResumeStore::take_unwritten() {
  const std::scoped_lock lock(mutex_);
  std::vector<SavedSession> batch;
  while (!unwritten_.empty() && batch.size() < kBatch) {
    const auto found = sessions_.find(unwritten_.back());
    unwritten_.pop_back();
    if (found == sessions_.end()) continue;
    found->second.written = true;
    batch.push_back(found->second.session);
  }
  return batch;
}

void ResumeStore::on_written(const std::vector<SavedSession>& batch) {
  const std::scoped_lock lock(mutex_);
  for (const auto& session : batch) {
    const auto found = sessions_.find(key(session.user, session.uuid));
    if (found != sessions_.end() && found->second.written &&
        found->second.connection == Connection::open)
      sessions_.erase(found);
  }
}

void ResumeStore::on_not_written(const std::vector<SavedSession>& batch) {
  const std::scoped_lock lock(mutex_);
  for (const auto& session : batch) {
    auto name = key(session.user, session.uuid);
    const auto found = sessions_.find(name);
    // Saved again meanwhile: then it is in the queue already.
    if (found == sessions_.end() || !std::exchange(found->second.written, false)) continue;
    unwritten_.push_back(std::move(name));
  }
}

void ResumeStore::forget_old() {
  const std::scoped_lock lock(mutex_);
  // Over the bound, what is written goes from memory first; the database still knows it.
  const bool crowded = sessions_.size() > kMaxInMemory;
  std::erase_if(sessions_, [&](const auto& item) {
    return !fresh(item.second.session) || (crowded && item.second.written);
  });
}

Task<void> ResumeStore::flush() {
  for (auto batch = take_unwritten(); !batch.empty(); batch = take_unwritten()) {
    auto change = [batch](db::WriteTx& tx) -> Result<void> {
      for (const auto& session : batch) {
        INDABA_TRY_VOID(write_row(tx, session));
      }
      return {};
    };
    auto writing = database_.write(db::Shard(), change);
    const auto written = co_await writing;
    if (!written) {
      log_.warn("gateway", "sessions could not be saved for resuming",
                {{"reason", written.error().log}});
      on_not_written(batch);
      forget_old();
      co_return;
    }
    on_written(batch);
  }
  forget_old();
  if (clock_.wall() - purged_at_ < kPurgeEvery) co_return;
  purged_at_ = clock_.wall();
  const auto before = to_millis(clock_.wall() - ttl_);
  auto purge = [before](db::WriteTx& tx) { return tx.sql().execute(kPurge, before); };
  auto purging = database_.write(db::Shard(), purge);
  const auto purged = co_await purging;
  if (!purged)
    log_.warn("gateway", "old sessions could not be deleted", {{"reason", purged.error().log}});
}

}  // namespace indaba::gateway
