// Run: one run of a job of the database's queue.
//
// Made and ended on the worker's executor; what its body calls is safe on any thread.
#pragma once

#include "job/ledger.hpp"

#include <atomic>
#include <mutex>

namespace indaba::job {

class Lane;

class Run final : public Running {
 public:
  static constexpr Millis kTellEvery{1'000};
  // `tell` is called on the body's thread, with what progress() was told.
  using Tell = std::function<void(Run&, double fraction, std::string_view note)>;
  Run(Claimed claimed, const Definition& definition, boost::json::object arguments, MonoTime now,
      Tell tell)
      : claimed_(std::move(claimed)),
        definition_(definition),
        arguments_(std::move(arguments)),
        began_at_(now),
        tell_(std::move(tell)) {}

  [[nodiscard]] const std::string& uuid() const override { return claimed_.uuid; }
  [[nodiscard]] const boost::json::object& arguments() const override { return arguments_; }
  [[nodiscard]] int attempt() const override { return claimed_.failures + 1; }
  [[nodiscard]] OrgId org() const override { return claimed_.org; }
  [[nodiscard]] UserId user() const override { return claimed_.user; }
  [[nodiscard]] bool stopping() const override {
    return why_stop_.load(std::memory_order_relaxed) != Why::none;
  }
  void progress(double fraction, std::string_view note) override { tell_(*this, fraction, note); }

  enum class Why : unsigned char { none, leaving, cancelled, late, lost };
  void stop(Why why) {
    auto none = Why::none;
    why_stop_.compare_exchange_strong(none, why);
  }
  [[nodiscard]] Why why() const { return why_stop_.load(); }

  [[nodiscard]] const Claimed& claimed() const noexcept { return claimed_; }
  [[nodiscard]] const Definition& definition() const noexcept { return definition_; }
  [[nodiscard]] MonoTime began_at() const noexcept { return began_at_; }

  // Whether it is time to tell of progress again. Any thread.
  [[nodiscard]] bool may_tell(MonoTime now) {
    auto last = told_at_.load();
    return now - last >= kTellEvery && told_at_.compare_exchange_strong(last, now);
  }

  Lane* lane = nullptr;  // whose slot it has. The worker's own
  bool over = false;     // ended, or given up: what comes now is dropped. The worker's own

 private:
  const Claimed claimed_;
  const Definition& definition_;
  const boost::json::object arguments_;
  const MonoTime began_at_;
  const Tell tell_;
  std::atomic<Why> why_stop_{Why::none};
  std::atomic<MonoTime> told_at_{MonoTime(Millis(-1'000'000))};
};

}  // namespace indaba::job
