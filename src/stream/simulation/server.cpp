#include "stream/simulation/server.hpp"

namespace indaba::stream::simulation {

// --- between the log and the loops

void Bus::on_committed(std::span<const EventPtr> events) {
  const bool perfect = weather_.lost == 0 && weather_.repeated == 0 && weather_.bus_delay == 0;
  if (perfect && plant_ != Plant::renumbering_bus) return hub_.on_committed(events);
  for (const auto& event : events) {
    if (world_.chance(weather_.lost)) {
      world_.note("lost", {event->stream.value, event->seq.value});
      continue;
    }
    const auto told = plant_ == Plant::renumbering_bus ? renumbered(event) : event;
    pass_on(told);
    if (world_.chance(weather_.repeated)) pass_on(told);
  }
}

void Bus::pass_on(EventPtr event) {
  if (weather_.bus_delay == 0) return hub_.on_committed({&event, 1});
  world_.after(world_.between(0, weather_.bus_delay),
               [this, life = std::weak_ptr(life_), event = std::move(event)] {
                 if (!life.expired()) hub_.on_committed({&event, 1});
               });
}

EventPtr Bus::renumbered(const EventPtr& event) {
  const auto [heard, first] = heard_.try_emplace(event->stream, event->seq);
  if (!first) heard->second = heard->second.next();
  return std::make_shared<const Event>(
      Event{event->stream, heard->second, event->created_at, event->type, event->body});
}

// --- the process

Server::Server(World& world, ModelLog& log, const Weather& weather, Plant plant, std::size_t loops)
    : world_(world),
      log_(log),
      plant_(plant),
      store_(world, log, weather, plant),
      hub_(world),
      bus_(world, hub_, weather, plant),
      writer_(world, log, weather, plant) {
  for (std::size_t i = 0; i < loops; ++i) {
    loops_.push_back(std::make_unique<SimLoop>(world));
    hub_.add_loop(loops_.back()->executor, store_);
  }
  writer_.listen(&bus_);
}

Server::~Server() {
  sessions_.clear();  // before the hub that they read from
}

void Server::connect(const std::shared_ptr<Link>& link) {
  const auto loop = world_.below(loops_.size());
  link->host = this;
  sessions_.push_back(
      std::make_unique<Session>(world_, log_, hub_.local(loop), *loops_[loop], link, plant_));
}

void Server::forget(const Session* session) {
  sessions_.remove_if([&](const auto& one) { return one.get() == session; });
}

void Server::repair(StreamId stream) {
  const auto* state = log_.state(stream);
  if (state == nullptr) return;
  for (std::size_t i = 0; i < loops_.size(); ++i)
    loops_[i]->executor.post(
        [hub = &hub_.local(i), stream, state = *state] { hub->on_head(stream, state); });
}

void Server::sweep() {
  for (std::size_t i = 0; i < loops_.size(); ++i)
    loops_[i]->executor.post([hub = &hub_.local(i)] { hub->sweep(); });
}

}  // namespace indaba::stream::simulation
