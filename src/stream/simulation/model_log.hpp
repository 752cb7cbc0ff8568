// ModelLog: the log as the database keeps it, on simulated time: what is durable, retention,
// backup, restore, and one lock that writers hold from placing their events to the commit.
//
// What is committed is there for everybody at one instant. Any number of writers
// (model_writer.hpp) may share it, as several nodes share a database.
#pragma once

#include "stream/simulation/faults.hpp"
#include "stream/simulation/ledger.hpp"
#include "stream/store.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace indaba::stream::simulation {

[[nodiscard]] std::string body_of(const std::string& payload);
[[nodiscard]] std::string payload_of(std::string_view json);

struct Draft {
  StreamId stream;
  std::string payload;
  std::string key;  // empty: none
  std::string type = "note";
  std::string body;  // what stands before the payload
};

struct Placed {
  std::string epoch;
  Seq seq;
};

class ModelLog {
 public:
  ModelLog(World& world, Ledger& ledger) : world_(world), ledger_(ledger) {}

  void create(StreamId stream);

  // For writers. Runs `work` when nobody holds the lock, unless `life` is over by then.
  void lock(std::weak_ptr<int> life, World::Action work);
  void unlock();
  // Where a dedupe key was used, and is still kept.
  [[nodiscard]] std::optional<Seq> find_key(StreamId stream, const std::string& key) const;
  // False where the stream is gone.
  bool append(const Draft& draft, const EventPtr& event);
  // Empties an event that is kept.
  void rewrite(StreamId stream, Seq seq);
  void set_access(UserId user, StreamId stream, bool may_read);

  Seq trim(StreamId stream);
  void remove(StreamId stream);
  void back_up() { backup_ = data_; }
  void restore();  // while no server runs

  [[nodiscard]] Result<Page> page(StreamId stream, Seq after, PageLimit limit) const;
  [[nodiscard]] StreamHead head(StreamId stream) const;
  [[nodiscard]] const StreamState* state(StreamId stream) const;
  // What it was called before any restore.
  [[nodiscard]] const std::string& first_epoch(StreamId stream) const {
    return first_epochs_.at(stream);
  }
  [[nodiscard]] bool keeps(StreamId stream, const std::string& epoch, Seq seq) const;
  [[nodiscard]] bool has_let_go(StreamId stream, const std::string& epoch, Seq seq) const;
  [[nodiscard]] std::string payload_at(StreamId stream, Seq seq) const;
  [[nodiscard]] bool may_read(UserId user, StreamId stream) const {
    return !data_.shut_out.contains({user, stream});
  }

 private:
  struct ModelStream {
    StreamState state;
    std::int64_t rewrites = 0;
    std::vector<EventPtr> events;  // by seq - 1, also those that retention took
    std::unordered_map<std::string, Seq> keys;
  };
  struct Data {
    std::map<StreamId, ModelStream> streams;
    std::set<std::pair<UserId, StreamId>> shut_out;
  };
  struct Waiting {
    std::weak_ptr<int> life;
    World::Action work;
  };

  World& world_;
  Ledger& ledger_;
  Data data_;
  Data backup_;
  std::map<StreamId, std::string> first_epochs_;
  std::deque<Waiting> waiting_;
  bool locked_ = false;
  int epochs_ = 0;
};

}  // namespace indaba::stream::simulation
