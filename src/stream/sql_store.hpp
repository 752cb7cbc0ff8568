// SqlStore: the log out of the database. State and events of a page come from one snapshot.
//
// Safe on any thread that has an executor; answers there. `database` must outlive what is asked.
#pragma once

#include "db/database.hpp"
#include "stream/head_source.hpp"
#include "stream/store.hpp"

namespace indaba::stream {

class SqlStore final : public Store {
 public:
  explicit SqlStore(db::Database& database) : database_(database) {}

  void read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) override;
  void read_newest(StreamId stream, PageLimit limit, OnPage on_page) override;

 private:
  db::Database& database_;
};

// On PostgreSQL, where other nodes are. One query, whatever the number of streams.
class SqlHeadSource final : public HeadSource {
 public:
  explicit SqlHeadSource(db::Database& database) : database_(database) {}

  void read_heads(std::vector<std::int64_t> streams, OnHeads on_heads) override;
  void begin_epochs(std::vector<LostEpoch> lost, OnBegun on_begun) override;

 private:
  db::Database& database_;
};

// The same inside a transaction that is open already. Errors as Store has them.
[[nodiscard]] Result<StreamState> read_state(db::Session& session, StreamId stream);
[[nodiscard]] Result<Page> read_page_after(db::Session& session, StreamId stream, Seq after,
                                           PageLimit limit);
[[nodiscard]] Result<Page> read_newest_page(db::Session& session, StreamId stream, PageLimit limit);

// Where all of these streams stand, in one statement; those that are not there are `gone`. On
// PostgreSQL, where other nodes are.
[[nodiscard]] Result<std::vector<StreamHead>> read_heads(db::Session& session,
                                                         std::span<const std::int64_t> streams);

}  // namespace indaba::stream
