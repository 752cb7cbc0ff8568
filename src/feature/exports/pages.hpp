// What is exported, a page of lines at a time, in the order of ids: so that neither memory nor a
// reader thread is held for long, whatever there is.
//
// These statements read tables of other features, and write none. Each page asks anew what the
// requester may see. On a database thread.
#pragma once

#include "feature/exports/queries.hpp"

namespace indaba::exports {

struct Subject {
  Kind kind = Kind::tasks_csv;
  OrgId org;
  UserId user;
  std::int64_t until = 0;  // the newest id when it began: what comes later is not in it
};

// How far it is. Of messages: the room, and the message in it.
struct Place {
  std::int64_t room = 0;
  std::int64_t after = 0;
};

struct Page {
  std::string text;
  std::int64_t lines = 0;
  Place next;
  bool last = false;
};

// What stands before the first line.
[[nodiscard]] std::string heading(Kind kind);
struct Extent {
  std::int64_t until = 0;
  std::int64_t lines = 0;  // about so many, for the progress
};
[[nodiscard]] Result<Extent> extent(db::Session& session, const Subject& subject);
// At most `most` lines. A page may have none and still not be the last.
[[nodiscard]] Result<Page> read_page(db::Session& session, const Subject& subject, Place from,
                                     int most);

}  // namespace indaba::exports
