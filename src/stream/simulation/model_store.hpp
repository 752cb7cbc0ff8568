// ModelStore and ModelHeads: the database as one process reads it, with delays and errors.
#pragma once

#include "stream/head_source.hpp"
#include "stream/simulation/model_log.hpp"

namespace indaba::stream::simulation {

class ModelStore final : public Store {
 public:
  ModelStore(World& world, const ModelLog& log, const Weather& weather, Plant plant)
      : world_(world), log_(log), weather_(weather), plant_(plant) {}
  void read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) override;
  void read_newest(StreamId stream, PageLimit limit, OnPage on_page) override;
  // May this person read it, as the rows say?
  using OnAccess = std::move_only_function<void(Result<bool>)>;
  void read_access(UserId user, StreamId stream, OnAccess on_access);

 private:
  [[nodiscard]] Result<Page> snapshot(StreamId stream, Seq after, PageLimit limit);

  World& world_;
  const ModelLog& log_;
  const Weather& weather_;
  const Plant plant_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

class ModelHeads final : public HeadSource {
 public:
  ModelHeads(World& world, const ModelLog& log, const Weather& weather, Plant plant,
             std::function<bool()> gate_is_open)
      : world_(world),
        log_(log),
        weather_(weather),
        plant_(plant),
        gate_is_open_(std::move(gate_is_open)) {}
  void read_heads(std::vector<std::int64_t> streams, OnHeads on_heads) override;
  void begin_epochs(std::vector<LostEpoch> lost, OnBegun on_begun) override;

 private:
  [[nodiscard]] Result<std::vector<StreamHead>> snapshot(std::span<const std::int64_t> streams);
  [[nodiscard]] StreamHead without_what_was_shut(const StreamHead& head);

  World& world_;
  const ModelLog& log_;
  const Weather& weather_;
  const Plant plant_;
  const std::function<bool()> gate_is_open_;
  std::map<StreamId, StreamHead> told_;  // for the plants
  std::map<StreamId, Seq> seen_in_vain_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

}  // namespace indaba::stream::simulation
