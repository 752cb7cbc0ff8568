// ModelLog: the log as the database keeps it, on simulated time: group commit, de-duplication,
// retention, crashes, backup, restore.
//
// A group becomes durable at one instant. Before it a crash forgets the group; after it a crash may
// still keep the publisher and the listener from ever hearing. ModelStore is the log as readers see
// it, with delays and errors.
#pragma once

#include "stream/event_log.hpp"
#include "stream/simulation/faults.hpp"
#include "stream/simulation/ledger.hpp"
#include "stream/store.hpp"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace indaba::stream::simulation {

[[nodiscard]] std::string body_of(const std::string& payload);
[[nodiscard]] std::string payload_of(std::string_view json);

class ModelLog {
 public:
  struct Draft {
    StreamId stream;
    std::string payload;
    std::string key;  // empty: none
  };
  struct Placed {
    std::string epoch;
    Seq seq;
  };
  using Done = std::move_only_function<void(Result<Placed>)>;

  ModelLog(World& world, Ledger& ledger, Plant plant)
      : world_(world), ledger_(ledger), plant_(plant) {}

  void create(StreamId stream);
  void listen(CommitListener* listener) { listener_ = listener; }
  void submit(Draft draft, Done done);
  // Everything that is not durable is gone, and whoever waited hears nothing.
  void crash();

  Seq trim(StreamId stream);
  void remove(StreamId stream);
  void back_up() { backup_ = streams_; }
  void restore();  // while no server runs

  [[nodiscard]] Result<Page> page(StreamId stream, Seq after, PageLimit limit) const;
  [[nodiscard]] const StreamState* state(StreamId stream) const;
  [[nodiscard]] bool keeps(StreamId stream, const std::string& epoch, Seq seq) const;
  [[nodiscard]] bool has_let_go(StreamId stream, const std::string& epoch, Seq seq) const;
  [[nodiscard]] std::string payload_at(StreamId stream, Seq seq) const;

  unsigned error_percent = 0;

 private:
  struct ModelStream {
    StreamState state;
    std::vector<EventPtr> events;  // by seq - 1, also those that retention took
    std::unordered_map<std::string, Seq> keys;
  };
  struct Waiting {
    Draft draft;
    Done done;
    Result<Placed> placed = Placed{};
    EventPtr event;  // none where the key was known, or the stream is gone
  };
  using Group = std::shared_ptr<std::vector<Waiting>>;

  void start_group();
  void run_group(const Group& group);
  void place(Waiting& one, std::map<StreamId, Seq>& heads, std::map<std::string, Seq>& keys);
  void commit(const Group& group);
  void answer(const Group& group);
  void tell(const Group& group);
  void finish_group();
  void later(Millis delay, World::Action action);  // unless it crashes before

  World& world_;
  Ledger& ledger_;
  const Plant plant_;
  CommitListener* listener_ = nullptr;
  std::map<StreamId, ModelStream> streams_;
  std::map<StreamId, ModelStream> backup_;
  std::vector<Waiting> queue_;
  bool writing_ = false;
  int epochs_ = 0;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

class ModelStore final : public Store {
 public:
  ModelStore(World& world, const ModelLog& log, const Weather& weather, Plant plant)
      : world_(world), log_(log), weather_(weather), plant_(plant) {}
  void read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) override;
  void read_newest(StreamId stream, PageLimit limit, OnPage on_page) override;

 private:
  [[nodiscard]] Result<Page> snapshot(StreamId stream, Seq after, PageLimit limit);

  World& world_;
  const ModelLog& log_;
  const Weather& weather_;
  const Plant plant_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

}  // namespace indaba::stream::simulation
