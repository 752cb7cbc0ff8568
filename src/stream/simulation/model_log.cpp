#include "stream/simulation/model_log.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace indaba::stream::simulation {

std::string body_of(const std::string& payload) {
  return ",\"p\":\"" + payload + "\"";
}

std::string payload_of(std::string_view json) {
  const auto begin = json.find("\"p\":\"") + 5;
  return std::string(json.substr(begin, json.find('"', begin) - begin));
}

void ModelLog::create(StreamId stream) {
  streams_[stream].state.epoch = fmt::format("e{}", ++epochs_);
}

void ModelLog::later(Millis delay, World::Action action) {
  world_.after(delay, [life = std::weak_ptr(life_), action = std::move(action)]() mutable {
    if (!life.expired()) action();
  });
}

// --- group commit
// ---------------------------------------------------------------------------------------------------------------

void ModelLog::submit(Draft draft, Done done) {
  queue_.push_back({std::move(draft), std::move(done), Placed{}, nullptr});
  if (!writing_) start_group();
}

void ModelLog::start_group() {
  writing_ = true;
  later(world_.between(0, 3),
        [this] { run_group(std::make_shared<std::vector<Waiting>>(std::move(queue_))); });
}

void ModelLog::run_group(const Group& group) {
  queue_.clear();
  if (world_.chance(error_percent)) {
    world_.note("group_failed", {static_cast<std::int64_t>(group->size())});
    for (auto& one : *group) one.placed = Error(ErrorKind::unavailable);
    answer(group);
    return finish_group();
  }
  std::map<StreamId, Seq> heads;
  std::map<std::string, Seq> keys;
  for (auto& one : *group) place(one, heads, keys);
  if (plant_ == Plant::ack_before_commit) answer(group);
  if (plant_ == Plant::tell_before_commit) tell(group);
  later(world_.between(0, 6), [this, group] {
    commit(group);
    later(world_.between(0, 2), [this, group] {
      if (plant_ != Plant::ack_before_commit) answer(group);
      later(world_.between(0, 2), [this, group] {
        if (plant_ != Plant::tell_before_commit) tell(group);
        finish_group();
      });
    });
  });
}

void ModelLog::place(Waiting& one, std::map<StreamId, Seq>& heads,
                     std::map<std::string, Seq>& keys) {
  const auto found = streams_.find(one.draft.stream);
  if (found == streams_.end()) {
    one.placed = Error(ErrorKind::not_found);
    return;
  }
  const auto& stream = found->second;
  if (!one.draft.key.empty() && plant_ != Plant::forgotten_dedupe) {
    const auto known = stream.keys.find(one.draft.key);
    if (known != stream.keys.end() && known->second >= stream.state.oldest) {
      one.placed = Placed{stream.state.epoch, known->second};
      return;
    }
    if (const auto in_group = keys.find(one.draft.key); in_group != keys.end()) {
      one.placed = Placed{stream.state.epoch, in_group->second};
      return;
    }
  }
  auto& head = heads.try_emplace(one.draft.stream, stream.state.head).first->second;
  head = head.next();
  if (!one.draft.key.empty()) keys[one.draft.key] = head;
  one.placed = Placed{stream.state.epoch, head};
  one.event = std::make_shared<const Event>(
      Event{one.draft.stream, head, world_.wall(), "note", body_of(one.draft.payload)});
}

void ModelLog::commit(const Group& group) {
  for (auto& one : *group) {
    const auto found = streams_.find(one.draft.stream);
    if (!one.event) continue;
    if (found == streams_.end()) {  // removed while the group was being written
      one.placed = Error(ErrorKind::not_found);
      one.event.reset();
      continue;
    }
    auto& stream = found->second;
    stream.events.push_back(one.event);
    stream.state.head = one.event->seq;
    if (!one.draft.key.empty()) stream.keys[one.draft.key] = one.event->seq;
    world_.note("commit", {one.draft.stream.value, one.event->seq.value});
    ledger_.committed(one.draft.stream, stream.state.epoch, one.event->seq, one.draft.payload);
  }
}

void ModelLog::answer(const Group& group) {
  for (auto& one : *group) one.done(one.placed);
}

void ModelLog::tell(const Group& group) {
  std::vector<EventPtr> events;
  for (const auto& one : *group)
    if (one.event) events.push_back(one.event);
  if (listener_ != nullptr && !events.empty()) listener_->on_committed(events);
}

void ModelLog::finish_group() {
  writing_ = false;
  if (!queue_.empty()) start_group();
}

void ModelLog::crash() {
  life_ = std::make_shared<int>(0);
  queue_.clear();
  writing_ = false;
  listener_ = nullptr;
}

// --- what an operator does
// ------------------------------------------------------------------------------------------------------

Seq ModelLog::trim(StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return Seq{};
  auto& state = found->second.state;
  const auto kept = state.head.value - state.oldest.value + 1;
  state.oldest = Seq(state.oldest.value +
                     static_cast<std::int64_t>(world_.below(static_cast<std::uint64_t>(kept) + 1)));
  world_.note("trim", {id.value, state.oldest.value});
  return state.oldest;
}

void ModelLog::remove(StreamId stream) {
  world_.note("remove", {stream.value});
  streams_.erase(stream);
  backup_.erase(stream);
}

void ModelLog::restore() {
  for (auto& [id, stream] : backup_) {
    const auto before = std::exchange(stream.state.epoch, fmt::format("e{}", ++epochs_));
    world_.note("restore", {id.value, stream.state.head.value});
    ledger_.restored(id, before, stream.state.epoch, stream.state.head);
    streams_[id] = stream;
  }
}

// --- what readers see
// -----------------------------------------------------------------------------------------------------------

const StreamState* ModelLog::state(StreamId stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : &found->second.state;
}

Result<Page> ModelLog::page(StreamId id, Seq after, PageLimit limit) const {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return Error(ErrorKind::not_found);
  const auto& stream = found->second;
  Page page{stream.state, {}};
  for (auto seq = std::max(after.next(), stream.state.oldest);
       seq <= stream.state.head && page.events.size() < limit.events; seq = seq.next())
    page.events.push_back(stream.events[static_cast<std::size_t>(seq.value - 1)]);
  return page;
}

bool ModelLog::keeps(StreamId stream, const std::string& epoch, Seq seq) const {
  const auto* now = state(stream);
  return now != nullptr && now->epoch == epoch && seq >= now->oldest && seq <= now->head;
}

bool ModelLog::has_let_go(StreamId stream, const std::string& epoch, Seq seq) const {
  const auto* now = state(stream);
  return now == nullptr || (now->epoch == epoch && seq < now->oldest);
}

std::string ModelLog::payload_at(StreamId stream, Seq seq) const {
  return payload_of(streams_.at(stream).events[static_cast<std::size_t>(seq.value - 1)]->body);
}

void ModelStore::read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) {
  auto* executor = Executor::current();
  check(executor != nullptr, "the store is asked on a loop");
  world_.after(world_.between(0, weather_.store_delay), [=, this, life = std::weak_ptr(life_),
                                                         on_page = std::move(on_page)]() mutable {
    if (life.expired()) return;
    auto page = snapshot(stream, after, limit);
    world_.after(world_.between(0, weather_.store_delay),
                 [=, page = std::move(page), on_page = std::move(on_page)]() mutable {
                   if (life.expired()) return;
                   executor->post([page = std::move(page), on_page = std::move(on_page)]() mutable {
                     on_page(std::move(page));
                   });
                 });
  });
}

Result<Page> ModelStore::snapshot(StreamId stream, Seq after, PageLimit limit) {
  if (world_.chance(weather_.store_errors)) {
    world_.note("read_failed", {stream.value});
    return Error(ErrorKind::unavailable);
  }
  // Small pages, so that many readers are between two of them when something happens.
  limit.events = std::min<std::size_t>(limit.events, 1 + world_.below(12));
  auto page = log_.page(stream, after, limit);
  if (page && plant_ == Plant::oldest_off_by_one && page->state.oldest <= page->state.head) {
    page->state.oldest = page->state.oldest.next();
    if (!page->events.empty() && page->events.front()->seq < page->state.oldest)
      page->events.erase(page->events.begin());
  }
  return page;
}

void ModelStore::read_newest(StreamId stream, PageLimit limit, OnPage on_page) {
  const auto* state = log_.state(stream);
  const auto head = state == nullptr ? 0 : state->head.value;
  read_after(stream, Seq(std::max<std::int64_t>(0, head - static_cast<std::int64_t>(limit.events))),
             limit, std::move(on_page));
}

}  // namespace indaba::stream::simulation
