// Ledger: what was promised to publishers and readers, and whether it is true.
//
// The log tells it each commit at the moment of durability; publishers tell what they tried and
// what they were answered; readers tell what they got. It finds (names as in the Jepsen
// vocabulary): lost writes, phantoms, duplicates, answers that contradict each other.
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
  // A restore: what the old epoch had up to `head` is the new one's beginning; what was
  // acknowledged beyond it is gone, and the new epoch says so.
  void restored(StreamId stream, const std::string& backed_up, const std::string& epoch, Seq head);

  // From publishers.
  void attempted(const std::string& payload) { attempted_.insert(payload); }
  void acked(const ModelLog& log, StreamId stream, std::string epoch, Seq seq,
             const std::string& payload);
  void rejected(const std::string& payload) {
    rejected_.insert(payload);
  }  // every attempt was, definitely

  // From readers.
  void delivered(StreamId stream, const std::string& epoch, Seq seq, const std::string& payload);
  void ephemeral_delivered(const std::string& payload);

  // At the end.
  void audit(const ModelLog& log);
  [[nodiscard]] std::size_t acks() const noexcept { return acks_.size(); }

 private:
  using Epoch = std::pair<StreamId, std::string>;
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
  // The place of an acknowledgement after all restores, which it may have overtaken on its way;
  // false where it is lost by one.
  bool carry_over(StreamId stream, std::string& epoch, Seq seq) const;

  World& world_;
  std::map<Epoch, Ended> ended_;
  std::map<Epoch, std::vector<std::string>> truth_;  // payloads by seq - 1
  std::set<std::string> attempted_;
  std::set<std::string> rejected_;
  std::vector<Ack> acks_;
};

}  // namespace indaba::stream::simulation
