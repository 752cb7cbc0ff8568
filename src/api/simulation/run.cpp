#include "api/simulation/run.hpp"

#include "api/simulation/steward.hpp"
#include "stream/simulation/client.hpp"
#include "stream/simulation/publisher.hpp"

#include <algorithm>
#include <array>

namespace indaba::api::simulation {

namespace {

using stream::simulation::body_of;
using stream::simulation::Client;
using stream::simulation::Publisher;

constexpr StreamId kAccess{1'000};
constexpr StreamId kCursor{999};  // keeps nothing: only what is stale at once
constexpr std::array kNames{"notifications", "topic:news", "org:1:topic:news"};
constexpr std::size_t kNodes = 3;
constexpr int kPace = 10;
constexpr int kSlowBus = 2'000;
// By then all readers are at the head.
constexpr Millis kHealed{10'000};

class Run {
 public:
  Run(std::uint64_t seed, Plant plant, bool print);
  Report operator()();

 private:
  struct Slot {
    Weather weather;
    std::unique_ptr<Node> node;
    int lives = 0;
  };

  void set_up_weather();
  void set_up_clients();
  [[nodiscard]] Client::Parts client_parts();
  void start(Slot& slot);
  void die(Slot& slot, bool politely);
  void restart_later(Slot& slot);
  void cut_off(Slot& slot);
  void trouble_later();
  void trouble();
  void trouble_of_readers();
  void trouble_of_nodes();
  void trouble_of_the_bus();
  void trouble_of_the_database();
  void restore();
  void publish_ephemeral();
  void rewrite();
  void trim();
  void remove();
  void assess();
  void for_a_while(std::function<void()> heal);
  template <class F>
  void on_some_nodes(F change);
  void make_peace();
  void let_late_readers_in();
  void check_the_end();
  [[nodiscard]] Slot& any_slot() { return slots_[world_.below(kNodes)]; }
  [[nodiscard]] Node* any_node();
  [[nodiscard]] ModelWriter* writer_for(const Slot* home);
  [[nodiscard]] StreamId any_stream() { return streams_[world_.below(streams_.size())]; }
  [[nodiscard]] Client& any_client() { return *clients_[world_.below(clients_.size())]; }

  const Plant plant_;
  World world_;
  Logger logger_ = Logger::null();
  Ledger ledger_{world_};
  Weather climate_;  // what the weather is like when nothing special happens
  ModelLog log_;
  SimBroker broker_{world_, climate_};
  const bool liveness_;
  const bool restores_;
  const bool long_faults_;  // longer than a node believes what it knows of ended access
  const Millis length_;
  std::vector<StreamId> streams_;
  std::array<Slot, kNodes> slots_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::unique_ptr<Steward> steward_;
  int under_way_ = 0;  // faults that have not healed
  bool peace_ = false;
  int count_ = 0;
  Report report_;
};

Run::Run(std::uint64_t seed, Plant plant, bool print)
    : plant_(plant),
      world_(seed, print),
      log_(world_, ledger_),
      liveness_(world_.chance(75)),
      restores_(world_.chance(15)),
      long_faults_(world_.chance(15)),
      length_(long_faults_ ? world_.between(20'000, 40'000) : world_.between(3'000, 9'000)) {
  set_up_weather();
  for (std::int64_t id = 1; id <= 1 + static_cast<std::int64_t>(world_.below(3)); ++id)
    streams_.emplace_back(id);
  for (const auto stream : streams_) log_.create(stream);
  log_.create(kCursor);
  log_.create(kAccess);
  log_.back_up();
  set_up_clients();
  const auto publishers = 1 + static_cast<int>(world_.below(3));
  for (int i = 0; i < publishers; ++i)
    publishers_.push_back(std::make_unique<Publisher>(Publisher::Parts{
        world_, log_, ledger_,
        [this, home = world_.chance(long_faults_ ? 80 : 50) ? &any_slot() : nullptr] {
          return writer_for(home);
        },
        streams_, kPace, i}));
  steward_ = std::make_unique<Steward>(Steward::Parts{world_, log_, ledger_,
                                                      [this] { return any_node(); }, streams_,
                                                      static_cast<std::int64_t>(clients_.size())});
}

void Run::set_up_weather() {
  if (!long_faults_)
    climate_.store_errors = static_cast<unsigned>(std::array{0, 0, 5, 30}[world_.below(4)]);
  climate_.lost_answers = static_cast<unsigned>(std::array{0, 0, 10}[world_.below(3)]);
  climate_.store_delay = std::array{1, 6, 60}[world_.below(3)];
  climate_.lost = static_cast<unsigned>(std::array{0, 0, 5, 50}[world_.below(4)]);
  climate_.repeated = static_cast<unsigned>(std::array{0, 20}[world_.below(2)]);
  climate_.bus_delay = std::array{0, 10, 80, kSlowBus}[world_.below(4)];
  for (auto& slot : slots_) slot.weather = climate_;
}

void Run::set_up_clients() {
  const auto count = 1 + static_cast<int>(world_.below(5));
  for (int i = 0; i < count; ++i) {
    auto client = std::make_unique<Client>(Client::Parts{
        world_, log_, ledger_, [this]() -> stream::simulation::Host* { return any_node(); }, plant_,
        kPace, i, climate_.repeated == 0});
    for (const auto stream : streams_) {
      if (world_.chance(20)) continue;
      stream::Start first;
      if (world_.chance(50)) first.since = Seq{};
      if (!first.since && world_.chance(50))
        first.last = 1 + static_cast<std::uint32_t>(world_.below(10));
      client->follow(stream, kNames[world_.below(kNames.size())], true, first);
    }
    if (world_.chance(50)) client->follow(kCursor, "cursor", false, {});
    clients_.push_back(std::move(client));
  }
}

Client::Parts Run::client_parts() {
  return {world_,
          log_,
          ledger_,
          [this]() -> stream::simulation::Host* { return any_node(); },
          plant_,
          kPace,
          static_cast<int>(clients_.size()),
          climate_.repeated == 0};
}

Node* Run::any_node() {
  const auto first = world_.below(kNodes);
  for (std::size_t i = 0; i < kNodes; ++i) {
    const auto& slot = slots_[(first + i) % kNodes];
    if (slot.node && slot.node->ready()) return slot.node.get();
  }
  return nullptr;
}

// Some keep to one node as long as it is there: what they say reaches its readers at once.
ModelWriter* Run::writer_for(const Slot* home) {
  const bool at_home = home != nullptr && home->node && home->node->ready();
  auto* node = at_home ? home->node.get() : any_node();
  return node == nullptr ? nullptr : &node->writer();
}

// --- nodes

void Run::start(Slot& slot) {
  if (slot.node) return;
  world_.note("start");
  ++slot.lives;
  slot.node = std::make_unique<Node>(
      Node::Parts{world_, log_, broker_, slot.weather, logger_, kAccess, plant_});
  assess();
}

void Run::die(Slot& slot, bool politely) {
  if (!slot.node) return;
  world_.note("die", {politely ? 1 : 0});
  ++report_.deaths;
  if (politely) slot.node->say_goodbye();
  slot.node.reset();
  assess();
}

void Run::restart_later(Slot& slot) {
  world_.after(world_.between(1, 3'000), [this, &slot] { start(slot); });
}

// --- faults

// What was fine until now may not be; and what is fine now has to settle.
void Run::assess() {
  ledger_.set_trouble(under_way_ > 0 || climate_.lost > 0 || climate_.store_errors > 0 ||
                      climate_.bus_delay == kSlowBus);
}

void Run::for_a_while(std::function<void()> heal) {
  ++report_.faults;
  ++under_way_;
  assess();
  const auto lasts = long_faults_ ? world_.between(9'000, 20'000) : world_.between(20, 4'000);
  world_.after(lasts, [this, heal = std::move(heal)] {
    if (peace_) return;
    heal();
    --under_way_;
    assess();
  });
}

template <class F>
void Run::on_some_nodes(F change) {
  if (world_.chance(50)) return change(any_slot());
  for (auto& slot : slots_) change(slot);
}

void Run::trouble_later() {
  // What lasts long is seldom, or nothing would work at all.
  world_.after(world_.between(5, long_faults_ ? 4'000 : 600), [this] {
    if (peace_) return;
    trouble();
    trouble_later();
  });
}

void Run::trouble() {
  const auto which = world_.below(100);
  if (long_faults_ && world_.chance(30)) return cut_off(any_slot());
  if (which < 50) return trouble_of_readers();
  if (which < 66) return trouble_of_nodes();
  if (which < 84) return trouble_of_the_bus();
  trouble_of_the_database();
}

void Run::trouble_of_readers() {
  const auto which = world_.below(100);
  if (which < 30) return any_client().disconnect();
  if (which < 45) return any_client().refollow(any_stream());
  if (which < 65) return publish_ephemeral();
  if (which < 80) return rewrite();
  if (which < 98) return trim();
  remove();
}

void Run::trouble_of_nodes() {
  const auto which = world_.below(100);
  if (which < 15) return log_.back_up();
  if (which < 30 && restores_) return restore();
  auto& slot = any_slot();
  if (!slot.node) return;
  if (which < 40) return cut_off(slot);
  die(slot, which >= 80);
  restart_later(slot);
}

// It hears nothing and reads nothing, but its readers stay, and perhaps it writes.
void Run::cut_off(Slot& slot) {
  if (!slot.node) return;
  world_.note("cut_off");
  slot.weather.no_reads = true;
  slot.weather.no_writes = world_.chance(30);
  slot.node->bus().set_links(false, false);
  for_a_while([this, &slot] {
    slot.weather = climate_;
    if (slot.node) slot.node->bus().set_links(true, true);
  });
}

void Run::trouble_of_the_bus() {
  const auto which = world_.below(100);
  if (which < 20) {
    ++report_.faults;
    broker_.restart();
    return assess();
  }
  if (which < 50) {
    broker_.set_up(false);
    return for_a_while([this] { broker_.set_up(true); });
  }
  auto& slot = any_slot();
  if (!slot.node) return;
  const auto way = world_.below(3);
  world_.note("partition", {static_cast<std::int64_t>(way)});
  slot.node->bus().set_links(way == 0, way == 1);
  for_a_while([&slot, life = slot.lives] {
    if (slot.node && slot.lives == life) slot.node->bus().set_links(true, true);
  });
}

void Run::trouble_of_the_database() {
  const auto which = world_.below(100);
  const auto set = [this](auto Weather::* what, auto value) {
    on_some_nodes([&](Slot& slot) { slot.weather.*what = value; });
    for_a_while([this, what] {
      for (auto& slot : slots_) slot.weather.*what = climate_.*what;
    });
  };
  world_.note("database", {static_cast<std::int64_t>(which)});
  if (which < 50) return set(&Weather::no_reads, true);
  if (which < 75) return set(&Weather::no_writes, true);
  set(&Weather::store_delay, 2'500);
}

// As an operator does it: every node is stopped first.
void Run::restore() {
  for (auto& slot : slots_) die(slot, true);
  broker_.restart();
  ++report_.restores;
  log_.restore();
  for (auto& slot : slots_) restart_later(slot);
}

// --- what else happens to streams

void Run::publish_ephemeral() {
  auto* node = any_node();
  if (node == nullptr) return;
  const bool sign = world_.chance(30);
  const auto about = any_client().user();
  const auto payload =
      sign ? fmt::format("x{}-not-{}", ++count_, about.value) : fmt::format("x{}", ++count_);
  ledger_.attempted(payload);
  const auto stream = world_.chance(50) ? kCursor : any_stream();
  if (sign) return node->relay().publish_sign(stream, "typing", body_of(payload), about);
  node->relay().publish_ephemeral(stream, "cursor", body_of(payload));
}

void Run::rewrite() {
  auto* node = any_node();
  const auto stream = any_stream();
  const auto* state = log_.state(stream);
  if (node == nullptr || state == nullptr || state->oldest > state->head) return;
  const auto kept = static_cast<std::uint64_t>(state->head.value - state->oldest.value + 1);
  const auto back = world_.below(std::min<std::uint64_t>(kept, 8));
  const auto payload = fmt::format("d{}", ++count_);
  ledger_.attempted(payload);
  node->rewrite(stream, Seq(state->head.value - static_cast<std::int64_t>(back)), payload);
}

void Run::trim() {
  // That of ended access too: a node that was away for longer than it is kept forgets everything.
  const auto stream = world_.chance(10) ? kAccess : any_stream();
  const auto oldest = log_.trim(stream);
  if (auto* node = any_node(); node != nullptr && oldest != Seq{})
    node->relay().on_trimmed(stream, oldest);
}

void Run::remove() {
  if (streams_.size() < 2 || world_.chance(80)) return;
  const auto stream = any_stream();
  log_.remove(stream);
  if (auto* node = any_node(); node != nullptr) node->hub().on_closed(stream);
}

// --- the run

void Run::make_peace() {
  world_.note("peace");
  peace_ = true;
  under_way_ = 0;
  climate_ = Weather{};
  broker_.set_up(true);
  for (auto& slot : slots_) {
    slot.weather = climate_;
    if (slot.node) slot.node->bus().set_links(true, true);
    start(slot);
  }
  for (auto& publisher : publishers_) publisher->stop();
  steward_->stop();
  assess();
}

// They read what others have had, much of it from memory.
void Run::let_late_readers_in() {
  for (int i = 0; i < 2; ++i) {
    auto client = std::make_unique<Client>(client_parts());
    for (const auto stream : streams_) client->follow(stream, kNames.front(), true, {.last = 40});
    client->connect();
    clients_.push_back(std::move(client));
  }
}

void Run::check_the_end() {
  if (liveness_) {
    if (!steward_->idle()) world_.violation("I10: the end of somebody's access has no answer");
    for (const auto& publisher : publishers_)
      if (!publisher->idle()) world_.violation("I10: a publisher still has no answer");
    for (const auto& client : clients_) client->check_up_to_date();
  }
  ledger_.audit(log_);
}

Report Run::operator()() {
  for (auto& slot : slots_) start(slot);
  for (auto& client : clients_) client->connect();
  for (auto& publisher : publishers_) publisher->start();
  steward_->start();
  trouble_later();
  world_.run_until(length_);
  if (liveness_) {
    make_peace();
    world_.run_until(world_.now() + kHealed / 2);
    let_late_readers_in();
    world_.run_until(world_.now() + kHealed / 2);
  }
  if (world_.violated().empty()) check_the_end();
  report_.violated = world_.violated();
  report_.trace_hash = world_.trace_hash();
  report_.acks = ledger_.acks();
  for (auto& slot : slots_) slot.node.reset();
  return report_;
}

}  // namespace

Report run(std::uint64_t seed, Plant plant, bool print) {
  return Run(seed, plant, print)();
}

}  // namespace indaba::api::simulation
