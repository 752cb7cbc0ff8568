// Schedule: the entries that are declared, and how far each has come, which the database keeps.
//
// However many processes have one, one of them leads, by the lease "schedule"; the others look
// whether it still does. A look of the one that leads is one transaction: it takes or renews the
// lease, moves an entry from its last slot to the next by compare-and-set, and puts the slot's work
// into the queue. So a slot fires once, whoever dies when: another process goes on from what was
// committed. All times are the database's; no process's clock is asked.
//
// The lease lasts kLease longer than until the next look, so nothing is renewed while nothing is
// due. Slots that passed while it went from one to the next (kSeamless) fire, each of them; after a
// longer pause everything was down, and of what an entry missed the newest slot fires alone.
//
// Immutable. look() and peek() on a database thread; errors of the database are passed on.
#pragma once

#include "job/schedule_entry.hpp"

namespace indaba::job {

class Schedule {
 public:
  static constexpr Millis kLongest{30'000};   // between two looks of the one that leads
  static constexpr Millis kLease{6'000};      // how late it may be
  static constexpr Millis kSeamless{10'000};  // how long after that nobody may have led

  struct Fired {
    std::string entry;
    WallTime slot{};
    std::string job;  // its uuid
  };
  struct Look {
    bool leads = false;
    Millis wait{};  // until the next look is worth it
    std::vector<Fired> fired{};
  };

  // Names that stand twice and intervals that are too short are broken invariants. `queue` outlives
  // this; `holder` is this process alone.
  Schedule(std::vector<Entry> entries, const Queue& queue, std::string holder);

  // For who does not lead: how long somebody else's lease lasts. 0: look.
  [[nodiscard]] Result<Millis> peek(db::Session& session) const;
  [[nodiscard]] Result<Look> look(db::WriteTx& tx) const;
  // Gives the lease back, if it is this process's.
  [[nodiscard]] Result<void> resign(db::WriteTx& tx) const;

  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  // What all changes of the schedule belong to.
  [[nodiscard]] static db::Shard shard() noexcept { return db::Shard(std::int64_t{0x5c4ed01e}); }

 private:
  struct Kept;
  struct Lease;
  struct Moment;
  [[nodiscard]] Result<Lease> lease(db::Session& session) const;
  [[nodiscard]] Result<WallTime> bring_on(db::WriteTx& tx, const Entry& entry, const Kept* kept,
                                          Moment& moment) const;
  [[nodiscard]] Result<void> drop_others(db::Session& session, const std::vector<Kept>& kept) const;

  const std::vector<Entry> entries_;
  const Queue& queue_;
  const std::string holder_;
};

// What whoever operates this sees of an entry.
struct Scheduled {
  std::string name;
  std::string task;
  std::string arguments;  // JSON
  std::string timing;
  WallTime next{};
  std::optional<WallTime> last;      // slot that fired
  std::optional<WallTime> fired_at;  // and when it did
  std::string job;                   // its uuid
};
// By their names. Empty where nothing has ever led.
[[nodiscard]] Result<std::vector<Scheduled>> list_schedule(db::Session& session);

}  // namespace indaba::job
