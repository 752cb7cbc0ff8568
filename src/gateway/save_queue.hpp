// SaveQueue: the sessions of one loop whose state is to be saved soon, a few at a time, so that ten
// thousand that come at once are not ten thousand copies in memory at once.
//
// Lives on its loop.
#pragma once

#include "net/loop.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace indaba::gateway {

class Session;

class SaveQueue {
 public:
  explicit SaveQueue(net::Loop& loop) : loop_(loop) {}
  void add(std::weak_ptr<Session> session);

 private:
  void save_some();

  net::Loop& loop_;
  std::vector<std::weak_ptr<Session>> waiting_;
  std::size_t next_ = 0;
};

}  // namespace indaba::gateway
