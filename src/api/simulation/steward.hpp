// Steward: somebody who lets people into streams and puts them out again, through whichever node
// answers. What it is told is done is a promise, and the ledger holds the nodes to it.
#pragma once

#include "api/simulation/node.hpp"

#include <functional>
#include <string>
#include <vector>

namespace indaba::api::simulation {

using stream::simulation::Ledger;

class Steward {
 public:
  struct Parts {
    World& world;
    ModelLog& log;
    Ledger& ledger;
    std::function<Node*()> node;  // one that it reaches; none while all are down
    std::vector<StreamId> streams;
    std::int64_t users;
  };
  explicit Steward(Parts parts) : parts_(std::move(parts)) {}

  void start() { act_later(); }
  void stop() { stopping_ = true; }  // after what is under way
  [[nodiscard]] bool idle() const noexcept { return !busy_; }

 private:
  void act_later();
  void act();
  void attempt(int number);
  void on_answer(int number, bool done);

  const Parts parts_;
  UserId user_;
  StreamId stream_;
  bool gives_ = false;
  int acts_ = 0;
  int attempts_ = 0;
  int waiting_ = 0;  // for the answer to which attempt; 0: for none
  bool busy_ = false;
  bool stopping_ = false;
};

}  // namespace indaba::api::simulation
