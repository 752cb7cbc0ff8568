// Ledger: what was promised to publishers and readers, and whether it is true.
//
// The log tells it each commit at the moment of durability; publishers tell what they tried and
// what they were answered; readers tell what they got; and whoever ends access tells when that was
// confirmed. It finds (names as in the Jepsen vocabulary): lost writes, phantoms, duplicates,
// answers that contradict each other; events that reached somebody too long after their access had
// ended, and deleted ones that came back.
#pragma once

#include "stream/event.hpp"
#include "stream/simulation/world.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace indaba::stream::simulation {

class ModelLog;

class Ledger {
 public:
  explicit Ledger(World& world) : world_(world) {}

  // From the log.
  void committed(StreamId stream, const std::string& epoch, Seq seq, const std::string& payload);
  // Its content is another one from now on.
  void rewritten(StreamId stream, const std::string& epoch, Seq seq, const std::string& payload);
  // A restore: what the backup has of the old epoch is the new one's beginning; what was
  // acknowledged beyond it is gone, and the new epoch says so.
  void restored(StreamId stream, const std::string& backed_up, const std::string& epoch,
                const std::vector<std::string>& payloads);

  // From publishers.
  void attempted(const std::string& payload) { attempted_.emplace(payload, world_.now()); }
  void acked(const ModelLog& log, StreamId stream, std::string epoch, Seq seq,
             const std::string& payload);
  // Every attempt was, definitely.
  void rejected(const std::string& payload) { rejected_.insert(payload); }

  // From readers.
  void delivered(UserId reader, StreamId stream, const std::string& epoch, Seq seq,
                 const std::string& payload);
  void ephemeral_delivered(UserId reader, StreamId stream, const std::string& payload);

  // I8: whoever ended it has been told so; nothing that is published later than the bound reaches
  // the reader: one second where all has been well around that moment, else ten.
  void access_ended(UserId reader, StreamId stream);
  void access_given(UserId reader, StreamId stream) { ended_access_.erase({reader, stream}); }

  // Whether anything hinders nodes in hearing of each other and reading the log.
  void set_trouble(bool trouble);

  // At the end.
  void audit(const ModelLog& log);
  [[nodiscard]] std::size_t acks() const noexcept { return acks_.size(); }

 private:
  using Epoch = std::pair<StreamId, std::string>;
  using Access = std::pair<UserId, StreamId>;
  struct Entry {
    std::string payload;
    Millis at{};
    std::string instead;  // after a rewrite
    Millis rewritten_at{};
  };
  struct EndedAccess {
    Millis at{};
    Millis bound{};
  };
  struct Ack {
    StreamId stream;
    std::string epoch;
    Seq seq;
    std::string payload;
  };
  struct Ended {
    std::string by;  // the epoch that came after a restore
    Seq head;        // what it still has of this one
  };
  [[nodiscard]] bool calm_for(Millis time) const {
    return !trouble_ && world_.now() - calm_since_ >= time;
  }
  void check_access(UserId reader, StreamId stream, Millis published, const std::string& payload);
  // The place of an acknowledgement after all restores, which it may have overtaken on its way;
  // false where it is lost by one.
  bool carry_over(StreamId stream, std::string& epoch, Seq seq) const;

  World& world_;
  std::map<Epoch, Ended> ended_;
  std::map<Epoch, std::vector<Entry>> truth_;  // by seq - 1
  std::map<std::string, Millis> attempted_;
  std::set<std::string> rejected_;
  std::vector<Ack> acks_;
  std::map<Access, EndedAccess> ended_access_;
  bool trouble_ = false;
  Millis calm_since_{0};
};

}  // namespace indaba::stream::simulation
