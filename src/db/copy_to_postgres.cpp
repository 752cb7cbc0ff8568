#include "db/copy_to_postgres.hpp"

#include "db/pg_database.hpp"
#include "db/pg_session.hpp"
#include "db/sqlite_database.hpp"

#include <algorithm>

namespace indaba::db {

namespace {

// But those made by the migrations themselves, by triggers, or of one database alone.
constexpr std::string_view kTables =
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    " AND relkind = 'r' AND relname NOT IN"
    " ('schema_migrations', 'commits', 'message_days', 'message_index') ORDER BY relname";
constexpr std::string_view kReferences =
    "SELECT a.relname, b.relname FROM pg_constraint f JOIN pg_class a ON a.oid = f.conrelid"
    " JOIN pg_class b ON b.oid = f.confrelid"
    " WHERE f.contype = 'f' AND f.connamespace = current_schema()::regnamespace"
    " AND a.oid <> b.oid";
constexpr std::string_view kColumns =
    "SELECT attname, atttypid::bigint FROM pg_attribute WHERE attrelid = $1::regclass"
    " AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum";
constexpr std::string_view kSetNext =
    "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)"
    " WHERE pg_get_serial_sequence($1, 'id') IS NOT NULL";

constexpr std::int64_t kRowsAtOnce = 500;
constexpr std::int64_t kRowsBetweenProgress = 50'000;
constexpr PgTimes kTimes{
    .statement = Millis(3'600'000), .lock = Millis(10'000), .idle = Millis(3'600'000)};

std::string in_quotes(std::string_view name) {
  return fmt::format("\"{}\"", name);
}

struct Column {
  std::string name;
  Oid type;
};

Error cannot_copy(std::string sentence) {
  Error error(ErrorKind::conflict, std::move(sentence));
  error.log = error.detail;
  return error;
}

class Copier {
 public:
  Copier(SqliteConnection& from, PgSession& to, const CopyRequest& request)
      : from_(from), to_(to), request_(request) {}

  Result<std::vector<CopiedTable>> run() {
    INDABA_TRY(const auto tables, tables_in_order());
    for (const auto& table : tables) {
      INDABA_TRY(const auto rows, count(to_, table));
      if (rows > 0)
        return cannot_copy(
            fmt::format("The PostgreSQL database is not empty: its table {} has {} "
                        "rows. Name an empty one.",
                        table, rows));
    }
    std::vector<CopiedTable> copied;
    for (const auto& table : tables) {
      INDABA_TRY(auto done, copy(table));
      copied.push_back(std::move(done));
    }
    INDABA_TRY_VOID(set_next_ids());
    INDABA_TRY_VOID(request_.finish(to_));
    return copied;
  }

 private:
  static Result<std::int64_t> count(Session& session, const std::string& table) {
    INDABA_TRY(const auto rows,
               session.first<std::int64_t>(fmt::format("SELECT count(*) FROM {}", in_quotes(table)),
                                           [](const Row& row) { return row.int64(0); }));
    return rows.value_or(0);
  }

  // Those that others refer to before those.
  Result<std::vector<std::string>> tables_in_order() {
    using Pair = std::pair<std::string, std::string>;
    INDABA_TRY(auto left,
               to_.all<std::string>(kTables, [](const Row& row) { return row.string(0); }));
    INDABA_TRY(const auto references, to_.all<Pair>(kReferences, [](const Row& row) {
      return Pair(row.string(0), row.string(1));
    }));
    std::vector<std::string> order;
    while (!left.empty()) {
      const auto free = std::ranges::find_if(left, [&](const std::string& table) {
        return std::ranges::none_of(references, [&](const Pair& reference) {
          return reference.first == table && std::ranges::count(left, reference.second) > 0;
        });
      });
      if (free == left.end()) return Error::internal("tables refer to each other in a circle");
      order.push_back(*free);
      left.erase(free);
    }
    return order;
  }

  Result<CopiedTable> copy(const std::string& table) {
    INDABA_TRY(
        const auto columns,
        to_.all<Column>(
            kColumns,
            [](const Row& row) { return Column{row.string(0), static_cast<Oid>(row.int64(1))}; },
            in_quotes(table)));
    std::string names;
    std::string places;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      names += fmt::format("{}{}", i == 0 ? "" : ", ", in_quotes(columns[i].name));
      places += fmt::format("{}${}", i == 0 ? "" : ", ", i + 1);
    }
    const auto select = fmt::format("SELECT {} FROM {}", names, in_quotes(table));
    const auto insert =
        fmt::format("INSERT INTO {} ({}) VALUES ({})", in_quotes(table), names, places);
    CopiedTable done{table, 0};
    Result<void> stored;
    INDABA_TRY_VOID(from_.run(select, {}, [&](const Row& row) {
      if (stored) stored = insert_row(insert, columns, row, done);
    }));
    if (!stored) return explained(std::move(stored).error(), table);
    INDABA_TRY(const auto there, count(from_, table));
    INDABA_TRY(const auto here, count(to_, table));
    if (there != here || here != done.rows)
      return Error::internal(
          fmt::format("table {} had {} rows, and {} arrived", table, there, here));
    request_.on_progress(done);
    return done;
  }

  Result<void> insert_row(const std::string& insert, const std::vector<Column>& columns,
                          const Row& row, CopiedTable& done) {
    std::vector<Param> values;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const int at = static_cast<int>(i);
      if (columns[i].type == pg_type::kInt8)
        values.emplace_back(row.maybe_int64(at));
      else if (row.is_null(at))
        values.emplace_back(std::nullopt);
      else if (columns[i].type == pg_type::kBytea)
        values.emplace_back(Blob{row.text(at)});
      else
        values.emplace_back(row.text(at));
    }
    INDABA_TRY_VOID(to_.run_later(insert, values));
    // Waits for the answers, so that no more than this is on its way.
    if (++done.rows % kRowsAtOnce == 0) {
      INDABA_TRY_VOID(to_.execute("SELECT 1"));
    }
    if (done.rows % kRowsBetweenProgress == 0) request_.on_progress(done);
    return {};
  }

  static Error explained(Error error, const std::string& table) {
    error.log = fmt::format("a row of {} was refused: {}", table,
                            error.log.empty() ? error.detail : error.log);
    error.detail = error.log;
    return error;
  }

  // Ids that were used once are never given out again.
  Result<void> set_next_ids() {
    using Last = std::pair<std::string, std::int64_t>;
    INDABA_TRY(const auto lasts,
               from_.all<Last>("SELECT name, seq FROM sqlite_sequence",
                               [](const Row& row) { return Last(row.string(0), row.int64(1)); }));
    for (const auto& [table, last] : lasts) {
      if (last <= 0) continue;
      INDABA_TRY_VOID(to_.execute(kSetNext, table, last));
    }
    return {};
  }

  SqliteConnection& from_;
  PgSession& to_;
  const CopyRequest& request_;
};

}  // namespace

Result<std::vector<CopiedTable>> copy_to_postgres(const CopyRequest& request,
                                                  EventSequencer& sequencer, const Clock& clock) {
  if (!std::filesystem::exists(request.from))
    return Error(ErrorKind::not_found,
                 fmt::format("There is no embedded database at {}.", request.from.string()));
  // Held to the end: nobody else writes to it.
  INDABA_TRY(const auto source, SqliteDatabase::open({.file = request.from}, sequencer, clock));
  INDABA_TRY(const auto from,
             SqliteConnection::open(request.from, SqliteConnection::Access::read_only));
  auto options = request.to;
  options.migrate = true;
  INDABA_TRY(const auto target, PgDatabase::open(options, sequencer, clock));
  INDABA_TRY(const auto address, PgTarget::parse(options.url, options.defaults));
  PgSession to(address, PgSession::Access::read_write, kTimes);
  INDABA_TRY_VOID(from->begin());
  INDABA_TRY_VOID(to.begin());
  auto copied = Copier(*from, to, request).run();
  from->rollback();
  // Else its plans are those of empty tables until it looks by itself.
  if (copied) {
    if (auto analysed = to.run("ANALYZE", {}, [](const Row&) {}); !analysed)
      copied = std::move(analysed).error();
  }
  if (!copied) {
    to.rollback();
    return copied;
  }
  Error why;
  auto outcome = to.commit(why);
  if (outcome == CommitOutcome::unknown)
    outcome = to.resolve(Millis(30'000), why).value_or(CommitOutcome::unknown);
  if (outcome != CommitOutcome::committed) return why;
  return copied;
}

}  // namespace indaba::db
