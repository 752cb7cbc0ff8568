// Remote control and events, as `celery inspect`, `celery control`, `celery events` and Flower know
// them. Pure; any thread; nothing throws.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::job::celery {

// What somebody asks of the workers.
struct Command {
  std::string method;  // "ping"
  boost::json::object arguments;
  std::optional<std::vector<std::string>> destination;  // none: all
  std::string pattern;  // a glob of names; "" where all, or those of `destination`, are meant
  std::string ticket;
  std::string reply_to;  // the routing key of its answers; empty: none is wanted
  std::optional<WallTime> expires;

  [[nodiscard]] bool is_for(std::string_view worker, WallTime now) const;
};
[[nodiscard]] Result<Command> decode_command(std::string_view raw);
[[nodiscard]] std::string pidbox_channel(int db);
[[nodiscard]] std::string reply_key(const Command& command);
// `answer` is JSON.
[[nodiscard]] std::string encode_reply(const Command& command, std::string_view worker,
                                       std::string_view answer, std::uint64_t clock,
                                       Random& random);

// What a worker tells whoever listens. `members` are its own, as json::append_member() writes them
// to an empty string.
struct Event {
  std::string_view type;  // "task-received"
  std::string members;
};
struct Teller {
  std::string hostname;
  int pid = 0;
};
[[nodiscard]] std::string event_channel(int db, std::string_view type);
[[nodiscard]] std::string encode_event(const Event& event, const Teller& teller,
                                       std::uint64_t clock, WallTime now, Random& random);

}  // namespace indaba::job::celery
