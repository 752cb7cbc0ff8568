// Files that must survive a loss of power: written, synced, and only then named.
#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace indaba::ops {

[[nodiscard]] Result<void> sync_file(const std::filesystem::path& file);
[[nodiscard]] Result<void> sync_folder_of(const std::filesystem::path& file);
// The file beside it whose name has this behind it: "x.db" and ".sha256".
[[nodiscard]] std::filesystem::path with_suffix(const std::filesystem::path& file,
                                                std::string_view suffix);
// Atomically, and refused where `to` exists already unless `replace`.
[[nodiscard]] Result<void> rename_durably(const std::filesystem::path& from,
                                          const std::filesystem::path& to, bool replace);
[[nodiscard]] Result<void> write_durably(const std::filesystem::path& file, std::string_view text);
[[nodiscard]] Result<void> copy_durably(const std::filesystem::path& from,
                                        const std::filesystem::path& to);
// Up to 4 KiB.
[[nodiscard]] Result<std::string> read_small(const std::filesystem::path& file);
// In hex, reading the file in pieces.
[[nodiscard]] Result<std::string> sha256_of(const std::filesystem::path& file);

}  // namespace indaba::ops
