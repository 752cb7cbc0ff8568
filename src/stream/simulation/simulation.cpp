#include "stream/simulation/simulation.hpp"

#include "stream/simulation/client.hpp"
#include "stream/simulation/publisher.hpp"
#include "stream/simulation/server.hpp"

#include <array>

namespace indaba::stream::simulation {

namespace {

constexpr StreamId kCursor{99};  // keeps nothing: only what is stale at once
constexpr std::array kNames{"notifications", "topic:news", "org:1:topic:news"};

class Run {
 public:
  Run(std::uint64_t seed, Plant plant, bool print);
  Report operator()();

 private:
  void set_up_weather();
  void set_up_clients();
  void start_server();
  void crash();
  void trouble_later();
  void trouble();
  void repair_later();
  void trim(StreamId stream);
  void publish_ephemeral();
  void publish_sign();
  void make_peace();
  void check_the_end();
  [[nodiscard]] StreamId any_stream() { return streams_[world_.below(streams_.size())]; }
  [[nodiscard]] Client& any_client() { return *clients_[world_.below(clients_.size())]; }

  const Plant plant_;
  World world_;
  Ledger ledger_{world_};
  Weather weather_;
  ModelLog log_;
  const int pace_;  // 1, or so slow that streams without readers are forgotten in between
  const bool bus_;  // notifications come from another node
  const bool restores_;
  std::vector<StreamId> streams_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::unique_ptr<Server> server_;
  bool peace_ = false;
  int ephemeral_ = 0;
  Report report_;
};

Run::Run(std::uint64_t seed, Plant plant, bool print)
    : plant_(plant),
      world_(seed, print),
      log_(world_, ledger_),
      pace_(world_.chance(10) ? 400 : 1),
      bus_(plant == Plant::no_repair || world_.chance(50)),
      restores_(world_.chance(30)) {
  set_up_weather();
  for (std::int64_t id = 1; id <= 1 + static_cast<std::int64_t>(world_.below(3)); ++id)
    streams_.emplace_back(id);
  for (const auto stream : streams_) log_.create(stream);
  log_.create(kCursor);
  log_.back_up();
  set_up_clients();
  const auto publishers = 1 + static_cast<int>(world_.below(3));
  for (int i = 0; i < publishers; ++i)
    publishers_.push_back(std::make_unique<Publisher>(Publisher::Parts{
        world_, log_, ledger_, [this] { return server_ ? &server_->writer() : nullptr; }, streams_,
        pace_, i}));
}

void Run::set_up_weather() {
  weather_.store_errors = static_cast<unsigned>(std::array{0, 5, 40}[world_.below(3)]);
  weather_.store_delay = std::array{1, 6, 60}[world_.below(3)];
  weather_.lost_answers = static_cast<unsigned>(std::array{0, 0, 10}[world_.below(3)]);
  if (!bus_) return;
  weather_.lost = static_cast<unsigned>(std::array{0, 5, 50}[world_.below(3)]);
  if (plant_ == Plant::no_repair || plant_ == Plant::renumbering_bus) weather_.lost = 50;
  weather_.repeated = static_cast<unsigned>(std::array{0, 20}[world_.below(2)]);
  weather_.bus_delay = std::array{0, 10, 80}[world_.below(3)];
}

void Run::set_up_clients() {
  const auto count = 1 + static_cast<int>(world_.below(5));
  for (int i = 0; i < count; ++i) {
    auto client = std::make_unique<Client>(
        Client::Parts{world_, log_, ledger_, [this] { return server_.get(); }, plant_, pace_, i});
    for (const auto stream : streams_) {
      if (world_.chance(20)) continue;
      Start first;
      if (world_.chance(50)) first.since = Seq{};
      if (!first.since && world_.chance(50))
        first.last = 1 + static_cast<std::uint32_t>(world_.below(10));
      client->follow(stream, kNames[world_.below(kNames.size())], true, first);
    }
    if (world_.chance(50)) client->follow(kCursor, "cursor", false, {});
    clients_.push_back(std::move(client));
  }
}

// --- faults

void Run::start_server() {
  world_.note("start");
  server_ = std::make_unique<Server>(world_, log_, weather_, plant_, 1 + world_.below(3));
}

void Run::crash() {
  if (!server_) return;
  world_.note("crash");
  ++report_.crashes;
  server_.reset();
  if (restores_ && !peace_ && world_.chance(30)) {
    ++report_.restores;
    log_.restore();
  }
  world_.after(world_.between(1, 300), [this] { start_server(); });
}

void Run::trouble_later() {
  world_.after(world_.between(5, 120 * pace_), [this] {
    if (peace_) return;
    trouble();
    trouble_later();
  });
}

void Run::trouble() {
  const auto which = world_.below(100);
  if (which < 30) return any_client().disconnect();
  if (which < 45) return any_client().refollow(any_stream());
  if (which < 60) return trim(any_stream());
  if (which < 75) return publish_ephemeral();
  if (which < 83) return crash();
  if (which < 90) return log_.back_up();
  if (which < 98 && server_) return server_->sweep();
  if (which == 98 && server_ && streams_.size() > 1) {
    const auto stream = any_stream();
    log_.remove(stream);
    server_->hub().on_closed(stream);
  }
}

void Run::trim(StreamId stream) {
  const auto oldest = log_.trim(stream);
  if (server_ && oldest != Seq{} && !world_.chance(weather_.lost))
    server_->hub().on_trimmed(stream, oldest);
}

void Run::publish_ephemeral() {
  if (!server_) return;
  if (world_.chance(30)) return publish_sign();
  const auto payload = fmt::format("x{}", ++ephemeral_);
  ledger_.attempted(payload);
  server_->hub().publish_ephemeral(world_.chance(50) ? kCursor : any_stream(), "cursor",
                                   body_of(payload));
}

void Run::publish_sign() {
  const auto about = any_client().user();
  const auto payload = fmt::format("x{}-not-{}", ++ephemeral_, about.value);
  ledger_.attempted(payload);
  server_->hub().publish_sign(any_stream(), "typing", body_of(payload), about);
}

void Run::repair_later() {
  world_.after(world_.between(50, 400), [this] {
    if (server_)
      for (const auto stream : streams_) server_->repair(stream);
    repair_later();
  });
}

// --- the run

void Run::make_peace() {
  world_.note("peace");
  peace_ = true;
  weather_ = Weather{};
  for (auto& publisher : publishers_) publisher->stop();
}

void Run::check_the_end() {
  for (const auto& publisher : publishers_)
    if (!publisher->idle()) world_.violation("I10: a publisher still has no answer");
  for (const auto& client : clients_) client->check_up_to_date();
  ledger_.audit(log_);
}

Report Run::operator()() {
  start_server();
  for (auto& client : clients_) client->connect();
  for (auto& publisher : publishers_) publisher->start();
  trouble_later();
  if (bus_ && plant_ != Plant::no_repair) repair_later();
  world_.run_until(Millis(1'500) * pace_);
  make_peace();
  // Reconnects, retries of the store and of publishers, and a writer that has to find out what
  // became of its last commit, all take less.
  world_.run_until(world_.now() + Millis(6'500) + Millis(700) * pace_);
  if (world_.violated().empty()) check_the_end();
  report_.violated = world_.violated();
  report_.trace_hash = world_.trace_hash();
  report_.acks = ledger_.acks();
  server_.reset();
  return report_;
}

}  // namespace

Report run(std::uint64_t seed, Plant plant, bool print) {
  return Run(seed, plant, print)();
}

}  // namespace indaba::stream::simulation
