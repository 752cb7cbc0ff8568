#include "db/pg_writer.hpp"

#include "db/database_thread.hpp"

#include <spdlog/spdlog.h>

namespace indaba::db {

PgWriter::PgWriter(const PgTarget& target, int index, PgWriterLimits limits,
                   EventSequencer& sequencer, WriterStats& stats)
    : limits_(limits),
      session_(target, PgSession::Access::read_write, limits.times),
      queue_(limits.queued, "Too many changes wait to be stored.", stats.queued_changes),
      group_commit_(session_, sequencer, stats, [this] { return refuse_waiting(); }) {
  thread_ = start_database_thread(fmt::format("db-writer-{}", index), [this] { run_on_writer(); });
}

void PgWriter::submit(Shard shard, std::unique_ptr<Change> change) {
  Waiting waiting{shard.key, std::move(change)};
  if (auto refusal = queue_.push(waiting)) waiting.change->finish(*std::move(refusal));
}

void PgWriter::stop() {
  queue_.stop();
  if (thread_.joinable()) thread_.join();
}

void PgWriter::run_on_writer() {
  std::vector<Waiting> taken;
  while (queue_.take(taken, limits_.group)) {
    run(taken);
    taken.clear();
  }
}

void PgWriter::run(std::vector<Waiting>& taken) {
  std::vector<std::int64_t> shards;
  std::vector<std::unique_ptr<Change>> group;
  shards.reserve(taken.size());
  group.reserve(taken.size());
  for (auto& [shard, change] : taken) {
    shards.push_back(shard);
    group.push_back(std::move(change));
  }
  session_.set_shards(std::move(shards));
  group_commit_.run(group);
}

// Called while it is not known what became of a commit.
bool PgWriter::refuse_waiting() {
  std::vector<Waiting> waiting;
  if (queue_.take_waiting(waiting, limits_.queued)) refuse(waiting);
  if (!queue_.stopping()) return true;
  spdlog::warn(
      "the server stops before it is known what became of a commit; its callers were told "
      "that they cannot know");
  return false;
}

void PgWriter::refuse_late() {
  std::vector<Waiting> waiting;
  if (queue_.take_older(waiting, std::chrono::steady_clock::now() - limits_.times.queued))
    refuse(waiting);
}

void PgWriter::refuse(std::vector<Waiting>& waiting) {
  for (auto& [shard, change] : waiting)
    change->finish(pg_unreachable("it has not come to this in time"));
}

}  // namespace indaba::db
