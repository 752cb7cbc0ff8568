// Plan: options that were checked and completed: presets filled in, names resolved, templates read.
//
// Made once, before the processes are; read-only afterwards.
#pragma once

#include "base/result.hpp"
#include "bench/endpoint.hpp"
#include "bench/event_template.hpp"
#include "bench/options.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace indaba::bench {

inline constexpr std::size_t kMostPublishers = 64;
inline constexpr std::size_t kMostProcesses = 64;

// How one kind of connection begins.
struct Role {
  Endpoint endpoint;
  std::size_t count = 0;
  std::vector<std::string> sends;
  std::string await;  // empty: ready with the handshake
};

// What a sender takes for the answer to what it sent.
enum class Answer : std::uint8_t { none, same_event, text };

struct Plan {
  Options options;
  std::optional<Role> readers;
  std::optional<Role> senders;
  Answer answer = Answer::none;
  std::string answer_text;
  std::optional<EventTemplate> event;
  std::size_t window = 1;
  bool open_loop = false;

  [[nodiscard]] bool is(Mode mode) const noexcept { return options.mode == mode; }
  // All senders sit in the first process (readers wait for their events), or are spread.
  [[nodiscard]] bool senders_together() const noexcept { return readers.has_value(); }
  [[nodiscard]] std::size_t readers_of(std::size_t process) const noexcept;
  [[nodiscard]] std::size_t senders_of(std::size_t process) const noexcept;
  // Connections that the run opens, and of them those of one process.
  [[nodiscard]] std::size_t connections() const noexcept;
};

// ErrorKind::invalid with a sentence for the command line; ErrorKind::unavailable where a name does
// not resolve.
[[nodiscard]] Result<Plan> make_plan(Options options);

}  // namespace indaba::bench
