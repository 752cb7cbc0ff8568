// For tests of search: the chat's world on either database, with an index behind it.
#pragma once

#include "feature/chat/test_chat.hpp"
#include "feature/search/pg_index.hpp"
#include "feature/search/search.hpp"
#include "feature/search/sqlite_index.hpp"

namespace indaba::search {

// Every look at it takes `tick`.
class TickingClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return {}; }
  [[nodiscard]] MonoTime mono() const override { return MonoTime(Millis(now_ += tick)); }
  std::atomic<std::int64_t> tick = 0;

 private:
  mutable std::atomic<std::int64_t> now_ = 0;
};

class SearchFixture : public chat::ChatFixture {
 protected:
  explicit SearchFixture(db::Backend backend)
      : ChatFixture(Start::later, backend), search_index_(make_index()) {
    index_.to = search_index_.get();
    search_.add_routes(endpoints_);
    start_chat();
    service_.limits().messages_per_minute = 1'000'000;
    search_.limits().searches_per_minute = 0;
    authenticator_.known["key"].scopes = {"read"};
  }

  static std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text)
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    return out;
  }
  http::Response ask(std::string_view who, std::string_view q, std::string_view more = "") {
    return send(who, fmt::format("GET /api/v1/orgs/acme/search?q={}{}", escaped(q), more));
  }
  // The results of the first page.
  boost::json::array results(std::string_view who, std::string_view q, std::string_view more = "") {
    const auto answer = ask(who, q, more);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json_of(answer).at("results").as_array();
  }
  static std::vector<std::string> bodies_of(const boost::json::array& results) {
    std::vector<std::string> out;
    for (const auto& hit : results) out.emplace_back(hit.at("body").as_string());
    return out;
  }
  std::vector<std::string> found(std::string_view who, std::string_view q,
                                 std::string_view more = "") {
    return bodies_of(results(who, q, more));
  }
  // The ids of all pages, as they came.
  std::vector<std::int64_t> all_ids(std::string_view who, std::string_view q, int limit,
                                    std::string_view more = "") {
    std::vector<std::int64_t> ids;
    std::string cursor;
    for (;;) {
      const auto answer = ask(who, q, fmt::format("&limit={}{}{}", limit, more, cursor));
      EXPECT_EQ(answer.status, 200) << answer.body;
      if (answer.status != 200) return ids;
      const auto page = json_of(answer);
      for (const auto& hit : page.at("results").as_array()) ids.push_back(hit.at("id").as_int64());
      if (page.at("next_cursor").is_null()) return ids;
      cursor = "&cursor=" + std::string(page.at("next_cursor").as_string());
    }
  }
  http::Response change_message(std::string_view who, std::string_view method, std::int64_t id,
                                std::string_view rest = "", std::string body = {}) {
    return send(who, fmt::format("{} /api/v1/messages/{}{}", method, id, rest), std::move(body));
  }
  void execute(std::string_view sql, std::int64_t a, std::int64_t b = 0) {
    auto change = [=](db::WriteTx& tx) { return tx.sql().execute(sql, a, b); };
    const auto done = db::write_blocking(*database_, db::Shard(), change);
    ASSERT_TRUE(done) << done.error().log;
  }
  std::int64_t count(std::string_view sql) {
    auto query = [=](db::Session& session) {
      return session.first<std::int64_t>(sql, [](const db::Row& row) { return row.int64(0); });
    };
    return db::read_blocking(*database_, query).value().value_or(-1);
  }
  [[nodiscard]] bool embedded() const { return database_->dialect() == db::Dialect::sqlite; }
  // FTS5 compares every entry with the text that it keeps.
  void check_integrity() {
    if (!embedded()) return;
    execute("INSERT INTO message_index (message_index, rank) VALUES ('integrity-check', $1 * $2)",
            0);
  }
  // The next message has an id so much further.
  void skip_ids(std::int64_t ids) {
    execute(embedded()
                ? "UPDATE sqlite_sequence SET seq = seq + $1 WHERE name = 'messages' AND $2 = 0"
                : "SELECT setval(pg_get_serial_sequence('messages', 'id'),"
                  " nextval(pg_get_serial_sequence('messages', 'id')) + $1 + $2)",
            ids);
  }
  void sweep() { ASSERT_TRUE(db::run_on(executor_, search_index_->sweep())); }

 private:
  std::unique_ptr<SearchIndex> make_index() {
    if (embedded()) return std::make_unique<SqliteIndex>(*database_, ticking_, random_);
    return std::make_unique<PgIndex>(*database_, ticking_, random_);
  }

 protected:
  TickingClock ticking_;
  std::unique_ptr<SearchIndex> search_index_;
  Search search_{*search_index_, limiter_, cursors_};
};

}  // namespace indaba::search
