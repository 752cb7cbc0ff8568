// ModelWriter: one process's writer to the log: group commit and de-duplication, and half-failing
// commits: a group that fails, one whose answer is lost and which the writer has to find out, a
// crash before the commit, after it, or between the answers and the word to the listener.
#pragma once

#include "stream/event_log.hpp"
#include "stream/simulation/model_log.hpp"

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace indaba::stream::simulation {

// What is committed together, and answered once.
struct ModelChange {
  std::vector<Draft> drafts;
  std::function<void()> rows = [] {};               // becomes true with the commit
  std::vector<std::function<void()>> told_of = {};  // once it is committed, before the answer
};

class ModelWriter {
 public:
  // The place of the first draft.
  using Done = std::move_only_function<void(Result<Placed>)>;

  ModelWriter(World& world, ModelLog& log, const Weather& weather, Plant plant)
      : world_(world), log_(log), weather_(weather), plant_(plant) {}
  ~ModelWriter();
  ModelWriter(const ModelWriter&) = delete;
  ModelWriter& operator=(const ModelWriter&) = delete;

  void listen(CommitListener* listener) { listener_ = listener; }
  void submit(ModelChange change, Done done);

 private:
  struct Item {
    Draft draft;
    Result<Placed> placed = Placed{};
    EventPtr event;  // none where the key was known, or the stream is gone
  };
  struct Waiting {
    std::vector<Item> items;
    std::function<void()> rows;
    std::vector<std::function<void()>> told_of;
    Done done;
    bool refused = false;
  };
  using Group = std::shared_ptr<std::vector<Waiting>>;

  void start_group();
  void run_group(const Group& group);
  void place(Item& item, std::map<StreamId, Seq>& heads, std::map<std::string, Seq>& keys);
  [[nodiscard]] std::optional<Seq> find_key(const Draft& draft) const;
  void commit(const Group& group);
  void committed(const Group& group);
  void find_out(const Group& group, bool is_there);
  void answer(const Group& group);
  void refuse(const Group& group, const Error& error);
  void tell_changes(const Group& group);
  void tell(const Group& group);
  void finish_group();
  void unlock();
  void later(Millis delay, World::Action action);  // unless it crashes before

  World& world_;
  ModelLog& log_;
  const Weather& weather_;
  const Plant plant_;
  CommitListener* listener_ = nullptr;
  std::vector<Waiting> queue_;
  std::map<std::pair<StreamId, std::string>, Seq> own_keys_;
  bool writing_ = false;
  bool holds_lock_ = false;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

}  // namespace indaba::stream::simulation
