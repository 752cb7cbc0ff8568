// SaveQueue: the sessions of one loop whose state is to be saved soon, a few at a time, so that ten
// thousand that come at once are not ten thousand copies in memory at once.
//
// Lives on its loop.
#pragma once

#include "net/loop.hpp"

#include <deque>
#include <memory>

namespace indaba::gateway {

class Session;

class SaveQueue {
 public:
  explicit SaveQueue(net::Loop& loop) : loop_(loop) {}
  void add(std::weak_ptr<Session> session);

 private:
  void save_some();

  net::Loop& loop_;
  std::deque<std::weak_ptr<Session>> waiting_;  // gives its memory back as it is served
};

}  // namespace indaba::gateway
