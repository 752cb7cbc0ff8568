#include "feature/search/sqlite_index.hpp"

#include "base/text.hpp"
#include "feature/search/match.hpp"
#include "feature/search/sqlite_queries.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace indaba::search {

namespace {

constexpr std::int64_t kMostRooms = 32;       // that are named to the index
constexpr std::int64_t kFirstBatch = 64;      // entries
constexpr std::int64_t kMostEntries = 8'192;  // of one page
constexpr std::int64_t kFirstBlocks = 2;      // of ids, at once
constexpr std::int64_t kMostBlocks = 32;
constexpr Millis kQuick{3};
constexpr Millis kMostTime{25};
constexpr std::int64_t kSweptAtOnce = 500;

Marks make_marks(Random& random) {
  std::array<std::byte, 16> bytes{};
  random.fill(bytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto hex = text::to_hex(text);
  return {"\x01<" + hex + ">", "\x01</" + hex + ">"};
}

// A search as the index is asked for it; none where nothing can be found.
struct Plan {
  UserId author;
  std::vector<chat::RoomId> rooms;  // empty: too many to name
  queries::Between between;
};

Result<std::optional<Plan>> plan_of(db::Session& session, const IndexQuery& query) {
  const std::optional<Plan> nothing;
  Plan plan;
  if (query.wanted.author) {
    INDABA_TRY(const auto author,
               queries::find_user(session, text::to_lower(*query.wanted.author)));
    if (!author) return nothing;
    plan.author = *author;
  }
  INDABA_TRY(plan.rooms, queries::visible_rooms(session, query, kMostRooms + 1));
  if (plan.rooms.empty()) return nothing;
  if (static_cast<std::int64_t>(plan.rooms.size()) > kMostRooms) plan.rooms.clear();
  INDABA_TRY(plan.between, queries::ids_of_time(session, query.wanted));
  INDABA_TRY(const auto newest, queries::newest(session));
  auto& before = plan.between.before;
  before = std::min(before, newest.value + 1);
  if (query.before) before = std::min(before, query.before.value);
  return std::optional(std::move(plan));
}

// One reading of the index, from the newest entry backwards.
class Scan {
 public:
  Scan(db::Session& session, const IndexQuery& query, const Plan& plan, const Clock& clock)
      : session_(session), query_(query), plan_(plan), clock_(clock) {}

  // Until the page is full, the entries or the time are used up, or there is nothing older.
  Result<void> run() {
    const auto began = clock_.mono();
    rest_ = plan_.between;
    std::int64_t blocks = kFirstBlocks;
    auto at = began;
    while (!full_ && rest_.before > rest_.after + 1) {
      // At least one stretch a page, however slow: a search comes to its end.
      if (looked_at_ >= kMostEntries || at - began >= kMostTime) {
        go_on_ = chat::MessageId(rest_.before);
        break;
      }
      INDABA_TRY_VOID(read_blocks(blocks));
      const auto now = clock_.mono();
      if (now - at < kQuick) blocks = std::min(blocks * 4, kMostBlocks);
      at = now;
    }
    return {};
  }

  [[nodiscard]] chat::MessageId go_on() const noexcept { return go_on_; }

  Result<std::vector<queries::Found>> found(const Marks& marks) {
    if (hits_.empty()) return std::vector<queries::Found>();
    const queries::Between between{hits_.back().value - 1, hits_.front().value + 1};
    return queries::found(session_, query_, match(between), between,
                          static_cast<std::int64_t>(hits_.size()), marks);
  }

 private:
  [[nodiscard]] std::string match(queries::Between between) const {
    return match_of(query_.wanted, {query_.org, plan_.author, plan_.rooms},
                    {(between.after + 1) / kIdsABlock, (between.before - 1) / kIdsABlock});
  }

  // The next `blocks` of ids, or as much of them as the page and the entries have room for.
  Result<void> read_blocks(std::int64_t blocks) {
    const auto newest = (rest_.before - 1) / kIdsABlock;
    const auto oldest = std::max<std::int64_t>(newest - blocks + 1, 0);
    queries::Between here{std::max(rest_.after, oldest * kIdsABlock - 1), rest_.before};
    const auto words = match(here);
    rest_.before = here.after + 1;
    for (auto batch = std::max(kFirstBatch, query_.limit + 1);; batch *= 4) {
      batch = std::min(batch, kMostEntries - looked_at_);
      INDABA_TRY(const auto entries, queries::candidates(session_, query_, words, here, batch));
      looked_at_ += static_cast<std::int64_t>(entries.size());
      take(entries);
      if (full_ || static_cast<std::int64_t>(entries.size()) < batch) return {};
      here.before = entries.back().id.value;
      if (looked_at_ >= kMostEntries) {
        rest_.before = here.before;
        return {};
      }
    }
  }

  // One more than fits says that there are more, and is left for the next page.
  void take(std::span<const queries::Candidate> entries) {
    for (const auto& entry : entries) {
      if (!entry.fits) continue;
      if (static_cast<std::int64_t>(hits_.size()) == query_.limit) {
        full_ = true;
        go_on_ = hits_.back();
        return;
      }
      hits_.push_back(entry.id);
    }
  }

  db::Session& session_;
  const IndexQuery& query_;
  const Plan& plan_;
  const Clock& clock_;
  queries::Between rest_;  // not looked at yet
  std::int64_t looked_at_ = 0;
  std::vector<chat::MessageId> hits_;
  bool full_ = false;
  chat::MessageId go_on_;
};

Result<HitPage> read_page(db::Session& session, const IndexQuery& query, const Clock& clock,
                          const Marks& marks) {
  INDABA_TRY(const auto plan, plan_of(session, query));
  HitPage page;
  if (!plan) return page;
  Scan scan(session, query, *plan, clock);
  INDABA_TRY_VOID(scan.run());
  page.go_on = scan.go_on();
  INDABA_TRY(const auto found, scan.found(marks));
  page.hits.reserve(found.size());
  for (const auto& one : found) {
    INDABA_TRY(auto message, chat::read_message(session, one.room.id, one.id, query.caller));
    if (!message) continue;
    auto& hit = page.hits.emplace_back();
    static_cast<chat::MessageView&>(hit) = *std::move(message);
    hit.room = one.room;
    hit.highlights = highlights_of(one.marked, marks);
  }
  return page;
}

}  // namespace

SqliteIndex::SqliteIndex(db::Database& database, const Clock& clock, Random& random)
    : database_(database), clock_(clock), marks_(make_marks(random)) {}

Result<void> SqliteIndex::put(db::WriteTx& tx, chat::MessageId id) {
  // FTS5 writes out what it has gathered before any other statement that could fail halfway: put
  // one by one among other changes, each message would become a segment of its own.
  tx.at_end([id](db::Session& session) { return queries::put(session, id); });
  return {};
}

Result<void> SqliteIndex::remove(db::WriteTx& tx, chat::MessageId id) {
  tx.at_end([id](db::Session& session) { return queries::remove(session, id); });
  return {};
}

Task<Result<HitPage>> SqliteIndex::find(IndexQuery query) {
  auto reading_query = [query = std::move(query), clock = &clock_,
                        marks = &marks_](db::Session& session) {
    return read_page(session, query, *clock, *marks);
  };
  auto reading = database_.read(std::move(reading_query));
  co_return co_await reading;
}

Task<Result<std::int64_t>> SqliteIndex::sweep() {
  std::int64_t swept = 0;
  for (;;) {
    auto query = [](db::Session& session) { return queries::is_any_gone(session); };
    auto reading = database_.read(query);
    INDABA_CO_TRY(const auto any, co_await reading);
    if (!any) co_return swept;
    auto change = [](db::WriteTx& tx) { return queries::remove_gone(tx.sql(), kSweptAtOnce); };
    auto writing = database_.write(db::Shard(), change);
    INDABA_CO_TRY(const auto written, co_await writing);
    swept += written.value;
  }
}

}  // namespace indaba::search
