// One line over a socket, with a time limit and a bound: what both ends of the control socket do.
// Blocking.
#pragma once

#include "base/clock.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace indaba::ops {

inline constexpr Millis kControlPatience{5'000};
inline constexpr Millis kCommandPatience{3'600'000};  // a backup of a large database takes its time

// Up to the first '\n', at most 256 KiB; none where it does not come in time.
[[nodiscard]] std::optional<std::string> read_line(int fd, Millis patience);
// The line and its '\n'. False where it could not be written in time.
bool write_line(int fd, std::string line, Millis patience);

}  // namespace indaba::ops
