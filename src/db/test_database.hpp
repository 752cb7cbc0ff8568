// For tests: a database in a folder of its own, and a sequencer that only remembers.
#pragma once

#include "db/blocking.hpp"
#include "db/sqlite_database.hpp"

#include <cstdlib>
#include <gtest/gtest.h>

namespace indaba::db {

class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string base = std::filesystem::temp_directory_path()) {
    std::string pattern = std::move(base) + "/indaba-test-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

// Numbers events by themselves, without a table; refuses a draft whose type is "refuse".
class CountingSequencer final : public EventSequencer {
 public:
  Result<void> sequence(Session&, std::span<StagedEvent> events, std::span<const StreamId>,
                        std::optional<std::size_t>& guilty) override {
    for (auto& event : events) {
      if (event.draft->type == "refuse") {
        guilty = event.change;
        return Error(ErrorKind::conflict, "The sequencer refuses this event.");
      }
      event.result = {event.draft->stream, Seq(++next_), WallTime{}, event.draft->type == "again"};
    }
    return {};
  }
  void settled(std::span<const StagedEvent> events) override {
    if (!traces_settled) return;
    for (const auto& event : events) trace.push_back("settled " + event.draft->type);
  }
  void committed(std::span<const StagedEvent> events) override {
    for (const auto& event : events) trace.push_back("committed " + event.draft->type);
  }

  bool traces_settled = false;
  std::vector<std::string> trace;  // the writer's, until the database has stopped

 private:
  std::int64_t next_ = 0;
};

}  // namespace indaba::db
