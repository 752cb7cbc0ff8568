// Tail: the newest events of one stream in memory, as readers of this loop get them. A subscription
// that is a little behind catches up from here and never asks the database.
//
// Lives on one loop. Invariant: what it holds is one run of consecutive seqs.
#pragma once

#include "stream/rendering.hpp"

#include <deque>
#include <memory>

namespace indaba::stream {

class Tail {
 public:
  static constexpr std::size_t kMaxEvents = 1024;
  static constexpr std::size_t kMaxBytes = 512 * 1024;

  // Adds the event behind the newest one; after a hole the run starts anew with it. nullptr where
  // it is held already.
  std::shared_ptr<Rendering> add(EventPtr event);
  [[nodiscard]] Rendering* find(Seq seq) const noexcept;
  // Forgets what is older than `oldest`.
  void trim(Seq oldest);
  void clear();
  [[nodiscard]] bool empty() const noexcept { return run_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  [[nodiscard]] static std::size_t cost(const Event& event) noexcept {
    return event.body.size() + 256;
  }
  void drop_oldest();

  std::deque<std::shared_ptr<Rendering>> run_;
  std::size_t bytes_ = 0;
};

}  // namespace indaba::stream
