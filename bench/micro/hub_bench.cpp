// Publishing to the readers of one loop: an event rendered once, and handed to each of them.
#include "stream/local_hub.hpp"

#include <benchmark/benchmark.h>
#include <memory>
#include <string>
#include <vector>

namespace indaba::stream {
namespace {

class NowhereElse final : public Executor {
 public:
  void post(Work work) override { work(); }
  void run_after(Millis, Work) override {}
  [[nodiscard]] MonoTime now() const override { return MonoTime(Millis(1)); }
};

class EmptyStore final : public Store {
 public:
  void read_after(StreamId, Seq, PageLimit, OnPage on_page) override {
    on_page(Page{{.epoch = "e", .head = Seq(0)}, {}});
  }
  void read_newest(StreamId, PageLimit, OnPage on_page) override {
    on_page(Page{{.epoch = "e", .head = Seq(0)}, {}});
  }
};

class Nobody final : public Attachments {
 public:
  void attach(StreamId, int) override {}
  void detach(StreamId, int) override {}
};

class Plain final : public WireFormat {
 public:
  [[nodiscard]] net::Frame wrap(std::string_view json) override { return net::Frame::of(json); }
};

// Takes its reference to the frame, as an outbox does, and drops the one before.
class Taker final : public Reader {
 public:
  explicit Taker(WireFormat& format) : format_(format) {}
  [[nodiscard]] bool can_take() const override { return true; }
  void on_subscribed(Subscription&, const StreamState&, Seq) override {}
  void on_reset(Subscription&, ResetReason, const StreamState&) override {}
  void on_event(Subscription& subscription, Rendering& event) override {
    last_ = subscription.frame(event, format_);
  }
  void on_gone(Subscription&) override {}

 private:
  WireFormat& format_;
  net::Frame last_;
};

void publish(benchmark::State& state) {
  NowhereElse executor;
  EmptyStore store;
  Nobody attachments;
  Plain format;
  LocalHub hub(0, executor, store, attachments);
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<std::unique_ptr<Taker>> readers;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (std::size_t i = 0; i < count; ++i) {
    readers.push_back(std::make_unique<Taker>(format));
    subscriptions.push_back(
        hub.subscribe(*readers.back(), StreamId(1), "orgs/acme/topics/prices", false));
    hub.start(*subscriptions.back(), {});
    if (!subscriptions.back()->live()) return state.SkipWithError("a reader is not live");
  }
  const auto event =
      std::make_shared<const Event>(Event{StreamId(1), Seq(0), WallTime(Millis(1)), "tick",
                                          ",\"data\":\"" + std::string(240, 'x') + "\""});
  for (auto _ : state) hub.on_ephemeral(event);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(publish)->Name("hub/publish_to_readers")->Arg(1000);

}  // namespace
}  // namespace indaba::stream
