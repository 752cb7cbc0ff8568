// Backups of the embedded database: one file, made while the server runs, that can be checked and
// put back.
//
// backup() belongs to the process that holds the data folder (it reads through a connection of its
// own, writes nothing and moves no checkpoint; only the WAL cannot be emptied as long as it runs).
// verify() and restore() are for the command line. All three block. Errors carry a sentence for the
// operator in `detail`.
//
// Beside FILE stands FILE.sha256, as `sha256sum` writes it: the database's own checks see a broken
// structure, not a broken text.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace indaba::ops {

struct BackupReport {
  std::filesystem::path file;
  std::uintmax_t bytes = 0;
  std::string sha256;              // of the file
  bool checksum_compared = false;  // there was a FILE.sha256, and it agrees
  int schema_version = 0;
  std::int64_t streams = 0;
  std::int64_t events = 0;
  std::int64_t users = 0;
  std::int64_t organisations = 0;
};

// Copies one moment of `database` to `file`, verifies the copy, and only then gives it its name. An
// existing file is refused.
[[nodiscard]] Result<BackupReport> backup(const std::filesystem::path& database,
                                          const std::filesystem::path& file);

// Opens a copy read-only: checksum, integrity, foreign keys, schema version, counts. Leaves nothing
// beside it.
[[nodiscard]] Result<BackupReport> verify_backup(const std::filesystem::path& file);

struct RestoreReport {
  BackupReport backup;
  std::int64_t new_epochs = 0;  // streams that start a new epoch
  std::filesystem::path
      previous_kept;  // where the database that stood there is now; empty: there was none
};

// Puts the copy in the place of `database`. Refused while a server holds the folder. Every stream
// starts a new epoch, because numbers that were given out after the backup will be given out again.
// With `dry_run` all is checked and nothing is changed.
[[nodiscard]] Result<RestoreReport> restore(const std::filesystem::path& file,
                                            const std::filesystem::path& database, bool dry_run,
                                            const Clock& clock, Random& random);

}  // namespace indaba::ops
