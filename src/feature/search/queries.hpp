// The SQL that finds messages, in both databases. Every statement carries the organisation and the
// caller, and joins the rows that decide what they may see.
#pragma once

#include "db/session.hpp"
#include "feature/search/highlight.hpp"
#include "feature/search/index.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace indaba::search::queries {

[[nodiscard]] Result<std::optional<UserId>> find_user(db::Session& session,
                                                      const std::string& username_key);
// The first `limit` rooms that the caller may see; of the wanted slug alone, where there is one.
[[nodiscard]] Result<std::vector<chat::RoomId>> visible_rooms(db::Session& session,
                                                              const IndexQuery& query,
                                                              std::int64_t limit);

// Ids above `after` and below `before`.
struct Between {
  std::int64_t after = 0;
  std::int64_t before = 0;
};
// Outside of these no message was written in the wanted time.
[[nodiscard]] Result<Between> ids_of_time(db::Session& session, const Wanted& wanted);

// None where there is no message at all.
[[nodiscard]] Result<chat::MessageId> newest(db::Session& session);

// A message that has the words; whether it is for the caller, and all else that was wanted of it.
struct Candidate {
  chat::MessageId id;
  bool fits = false;
};
// Newest first. `match` is in the language of the database's index.
[[nodiscard]] Result<std::vector<Candidate>> candidates(db::Session& session,
                                                        const IndexQuery& query,
                                                        const std::string& match, Between between,
                                                        std::int64_t limit);

struct Found {
  chat::MessageId id;
  RoomOfHit room;
  std::string marked;  // its text, with the matches marked
};
// Those of the candidates that fit, newest first. `limit` is how many there are: looking for one
// more could read the index to its end. SQLite's.
[[nodiscard]] Result<std::vector<Found>> found_marked(db::Session& session, const IndexQuery& query,
                                                      const std::string& match, Between between,
                                                      std::int64_t limit, const Marks& marks);
// Those of `ids` that fit, newest first; nothing is marked yet. PostgreSQL's.
[[nodiscard]] Result<std::vector<Found>> found_among(db::Session& session, const IndexQuery& query,
                                                     std::span<const chat::MessageId> ids);

}  // namespace indaba::search::queries
