// What can still be told of a message that is put aside without having been read as a whole: it is
// too large, or no strict JSON. Pure; any thread.
#pragma once

#include "job/celery_message.hpp"

#include <optional>
#include <string_view>

namespace indaba::job::celery {

// By a part of it that begins with its member "headers", and may end anywhere behind it. Nothing
// where they cannot be read, or do not say whose it is.
[[nodiscard]] std::optional<Poison> refused_by(std::string_view excerpt, std::string_view reason);

}  // namespace indaba::job::celery
