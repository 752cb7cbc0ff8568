// Publisher: sends events one after another and keeps to the three answers: acknowledged, rejected,
// unknown.
//
// With a key it repeats what it does not know, until it knows. Without one it never repeats:
// unknown may have happened once.
#pragma once

#include "stream/simulation/ledger.hpp"
#include "stream/simulation/model_writer.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace indaba::stream::simulation {

class Publisher {
 public:
  struct Parts {
    World& world;
    const ModelLog& log;
    Ledger& ledger;
    std::function<ModelWriter*()> writer;  // of the process that it reaches; none while it is down
    std::vector<StreamId> streams;
    int pace;
    int number;
  };

  explicit Publisher(Parts parts) : parts_(std::move(parts)) {}

  void start() { publish_later(); }
  void stop() { stopping_ = true; }  // after what is under way
  [[nodiscard]] bool idle() const noexcept { return open_ == 0; }

 private:
  struct Intent {
    Draft draft;
    int waiting = 0;  // for the answer to which attempt; 0: it has been answered
    int attempts = 0;
    bool may_be_in = false;  // an attempt ended without an answer
  };
  using IntentPtr = std::shared_ptr<Intent>;

  void publish_later();
  void publish();
  void attempt(const IntentPtr& intent);
  void on_answer(const IntentPtr& intent, int attempt, const Result<Placed>& placed);
  void on_silence(const IntentPtr& intent, int attempt);
  void again(const IntentPtr& intent);
  void close(const IntentPtr& intent, std::string_view how);

  const Parts parts_;
  int count_ = 0;
  int open_ = 0;
  bool stopping_ = false;
};

}  // namespace indaba::stream::simulation
