// The settings as text: what `indaba config show` and `indaba config env` print, and
// docs/configuration.md.
#pragma once

#include "app/config.hpp"

#include <string>

namespace indaba::app {

// Each key with its value and where it comes from; secrets are masked.
[[nodiscard]] std::string show_settings(const Config& config);
// The table of all settings: key, environment names, type, default.
[[nodiscard]] std::string list_settings();
// The same for the documentation.
[[nodiscard]] std::string document_settings();

}  // namespace indaba::app
