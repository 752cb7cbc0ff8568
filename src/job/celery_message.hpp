// What Celery 5 puts on Redis for one task: protocol 2 in kombu's envelope, as JSON.
//
// Written only from the typed struct, with every header that Celery itself writes: a message that
// lacks one of them ends a whole worker of Python's. Read with patience for all that a Celery, old
// or new, may write; what cannot be run is told apart with a reason and what is known of it.
// Pure; any thread; nothing throws.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace indaba::job::celery {

struct Message {
  std::string id;    // the caller's name for it, the same for all attempts
  std::string task;  // "communityhub.tasks.fanout_alert"
  boost::json::array args;
  boost::json::object kwargs;
  std::optional<WallTime> eta;
  std::optional<WallTime> expires;
  int retries = 0;
  int priority = 0;            // 0 is the most urgent, 9 the least
  std::optional<Millis> hard;  // limits of time; none: the task's own
  std::optional<Millis> soft;
  std::string root_id;
  std::string parent_id;  // empty: none
  std::string group;      // likewise
  std::string args_repr;  // as Python would write them, for people
  std::string kwargs_repr;
  std::string origin;
  std::string queue;  // the routing key
  std::string delivery_tag;
  bool ignore_result = false;
  bool redelivered = false;
  int restored = 0;  // how often a worker of ours took it from one that was gone
  // What was to follow, and is not run here: "chain", "callbacks" …; empty: nothing.
  std::string follows;
};

// A message that cannot be run.
struct Poison {
  std::string reason;
  std::string id;  // empty: not known
  std::string task;
  bool ignore_result = false;
};

inline constexpr std::size_t kMaxMessageBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxIdBytes = 255;

[[nodiscard]] std::variant<Message, Poison> decode(std::string_view raw);
// Fills in what follows from the rest: root_id, the reprs, delivery_tag.
[[nodiscard]] std::string encode(Message message, Random& random);

// The same message with everything it brought, to be run again.
[[nodiscard]] Result<std::string> for_retry(std::string_view raw, int retries, WallTime eta,
                                            Random& random);
// The same, as kombu marks what a worker took and did not finish.
[[nodiscard]] Result<std::string> as_redelivered(std::string_view raw);

// The list that a message of this priority stands in. kombu knows four.
[[nodiscard]] std::string key_of(std::string_view queue, int priority);
[[nodiscard]] int step_of(int priority) noexcept;  // 0, 3, 6 or 9
inline constexpr std::string_view kSeparator = "\x06\x16";

// kombu's envelope around any body: for events and answers to remote control.
struct Envelope {
  std::string body;     // JSON
  std::string headers;  // a JSON object
  std::string exchange;
  std::string routing_key;
  int delivery_mode = 2;
};
[[nodiscard]] std::string wrap(const Envelope& envelope, Random& random);
struct Unwrapped {
  boost::json::object headers;
  boost::json::object properties;
  boost::json::value body;
};
[[nodiscard]] Result<Unwrapped> unwrap(std::string_view raw);

[[nodiscard]] std::string new_uuid(Random& random);  // version 4
// "2026-11-21T21:53:39.508000+00:00", as Python's isoformat(); without an offset likewise.
[[nodiscard]] std::string to_iso(WallTime t);
[[nodiscard]] std::string to_naive_iso(WallTime t);
// As repr() writes it, cut to a size for people.
[[nodiscard]] std::string to_python(const boost::json::value& value);

}  // namespace indaba::job::celery
