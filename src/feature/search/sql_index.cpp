#include "feature/search/sql_index.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace indaba::search {

namespace {

constexpr std::int64_t kMostRooms = 32;       // that are named to the index
constexpr std::int64_t kMostEntries = 8'192;  // of one page
constexpr Millis kQuick{3};
constexpr Millis kMostTime{25};

Marks make_marks(Random& random) {
  std::array<std::byte, 16> bytes{};
  random.fill(bytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto hex = text::to_hex(text);
  return {"\x01<" + hex + ">", "\x01</" + hex + ">"};
}

// None where nothing can be found.
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
  Scan(IndexReading& index, const Stretches& stretches, queries::Between between,
       std::int64_t limit, const Clock& clock)
      : index_(index), stretches_(stretches), limit_(limit), clock_(clock), rest_(between) {}

  // Until the page is full, the entries or the time are used up, or there is nothing older.
  Result<void> run() {
    const auto began = clock_.mono();
    auto blocks = stretches_.first_blocks;
    auto at = began;
    while (!full_ && rest_.before > rest_.after + 1) {
      // At least one stretch a page, however slow: a search comes to its end.
      if (looked_at_ >= kMostEntries || at - began >= kMostTime) {
        go_on_ = chat::MessageId(rest_.before);
        break;
      }
      INDABA_TRY_VOID(read_blocks(blocks));
      const auto now = clock_.mono();
      if (now - at < kQuick) blocks = std::min(blocks * 4, stretches_.most_blocks);
      at = now;
    }
    return {};
  }

  [[nodiscard]] chat::MessageId go_on() const noexcept { return go_on_; }
  [[nodiscard]] std::span<const chat::MessageId> hits() const noexcept { return hits_; }

 private:
  // The next `blocks` of ids, or as much of them as the page and the entries have room for.
  Result<void> read_blocks(std::int64_t blocks) {
    const auto newest = (rest_.before - 1) / stretches_.block;
    const auto oldest = std::max<std::int64_t>(newest - blocks + 1, 0);
    queries::Between here{std::max(rest_.after, oldest * stretches_.block - 1), rest_.before};
    rest_.before = here.after + 1;
    for (auto batch = std::max(stretches_.first_batch, limit_ + 1);; batch *= 4) {
      batch = std::min(batch, kMostEntries - looked_at_);
      INDABA_TRY(const auto entries, index_.candidates(here, batch));
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
      if (static_cast<std::int64_t>(hits_.size()) == limit_) {
        full_ = true;
        go_on_ = hits_.back();
        return;
      }
      hits_.push_back(entry.id);
    }
  }

  IndexReading& index_;
  const Stretches& stretches_;
  const std::int64_t limit_;
  const Clock& clock_;
  queries::Between rest_;  // not looked at yet
  std::int64_t looked_at_ = 0;
  std::vector<chat::MessageId> hits_;
  bool full_ = false;
  chat::MessageId go_on_;
};

}  // namespace

SqlIndex::SqlIndex(db::Database& database, const Clock& clock, Random& random, Stretches stretches)
    : database_(database), clock_(clock), marks_(make_marks(random)), stretches_(stretches) {}

Result<HitPage> SqlIndex::read_page(db::Session& session, const IndexQuery& query) const {
  INDABA_TRY(const auto plan, plan_of(session, query));
  HitPage page;
  if (!plan) return page;
  const auto index = begin(session, query, *plan);
  Scan scan(*index, stretches_, plan->between, query.limit, clock_);
  INDABA_TRY_VOID(scan.run());
  page.go_on = scan.go_on();
  if (scan.hits().empty()) return page;
  INDABA_TRY(const auto found, index->found(scan.hits()));
  page.hits.reserve(found.size());
  for (const auto& one : found) {
    INDABA_TRY(auto message, chat::read_message(session, one.room.id, one.id, query.caller));
    if (!message) continue;
    auto& hit = page.hits.emplace_back();
    static_cast<chat::MessageView&>(hit) = *std::move(message);
    hit.room = one.room;
    hit.highlights = highlights_of(one.marked, marks_);
  }
  return page;
}

Task<Result<HitPage>> SqlIndex::find(IndexQuery query) {
  auto reading_query = [query = std::move(query), this](db::Session& session) {
    return read_page(session, query);
  };
  auto reading = database_.read(std::move(reading_query));
  co_return co_await reading;
}

}  // namespace indaba::search
