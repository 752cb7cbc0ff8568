// Batch: what came to one stream in one tick of its loop, in order: durable events of consecutive
// seqs, and ephemeral ones between them.
//
// A reader that stands right before it takes it whole, as one run of bytes: with sixteen events in
// a tick, a thousand readers cost a thousand sends, not sixteen thousand. Lives on one loop, for
// the time of its delivery.
#pragma once

#include "stream/rendering.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace indaba::stream {

class Batch {
 public:
  // Past this, on the wire, a batch is full: a reader's outbox is looked at before each batch, not
  // in it.
  static constexpr std::size_t kMaxBytes = 16 * 1024;

  // False where the event belongs into the next batch: this one is full, or the event is not the
  // one that follows. An event that is not for everyone is a batch of its own.
  [[nodiscard]] bool add(std::shared_ptr<Rendering> event);
  // Whether nothing else came to any stream of the loop in this tick.
  [[nodiscard]] bool alone() const noexcept { return alone_; }
  void set_alone(bool alone) noexcept { alone_ = alone; }
  // Whose readers do not get it; none for nearly all.
  [[nodiscard]] UserId except() const noexcept { return except_; }
  [[nodiscard]] bool empty() const noexcept { return events_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }

  // Whether a reader that has everything up to `position` can take it whole.
  [[nodiscard]] bool follows(Seq position) const noexcept {
    return first_ == Seq{} || position.next() == first_;
  }
  [[nodiscard]] Seq last() const noexcept { return last_; }  // 0: only ephemeral events
  [[nodiscard]] const std::vector<std::shared_ptr<Rendering>>& events() const noexcept {
    return events_;
  }
  // All events behind one another, made at first use. `name` as Rendering::as().
  [[nodiscard]] const net::Frame& as(WireFormat& format, std::uint16_t name,
                                     std::string_view name_text);

 private:
  [[nodiscard]] net::Frame join(WireFormat& format, std::uint16_t name,
                                std::string_view name_text) const;

  std::vector<std::shared_ptr<Rendering>> events_;
  std::size_t bytes_ = 0;
  Seq first_;  // of the durable ones
  Seq last_;
  UserId except_;
  bool alone_ = false;
  MadeFrames made_;
};

}  // namespace indaba::stream
