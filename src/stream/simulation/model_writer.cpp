#include "stream/simulation/model_writer.hpp"

namespace indaba::stream::simulation {

namespace {

// Callers wait so long for a writer that has to find out.
constexpr Millis kPatience{1'000};

Error unavailable() {
  return Error(ErrorKind::unavailable);
}

}  // namespace

// A crash: what is not durable is gone, and whoever waited hears nothing.
ModelWriter::~ModelWriter() {
  life_.reset();
  if (holds_lock_) log_.unlock();
}

void ModelWriter::later(Millis delay, World::Action action) {
  world_.after(delay, [life = std::weak_ptr(life_), action = std::move(action)]() mutable {
    if (!life.expired()) action();
  });
}

void ModelWriter::submit(ModelChange change, Done done) {
  Waiting waiting{{}, std::move(change.rows), std::move(change.told_of), std::move(done)};
  for (auto& draft : change.drafts) waiting.items.push_back({std::move(draft), Placed{}, nullptr});
  queue_.push_back(std::move(waiting));
  if (!writing_) start_group();
}

void ModelWriter::start_group() {
  writing_ = true;
  later(world_.between(0, 3), [this] {
    log_.lock(life_, [this] {
      holds_lock_ = true;
      run_group(std::make_shared<std::vector<Waiting>>(std::exchange(queue_, {})));
    });
  });
}

void ModelWriter::unlock() {
  holds_lock_ = false;
  log_.unlock();
}

void ModelWriter::run_group(const Group& group) {
  std::map<StreamId, Seq> heads;
  std::map<std::string, Seq> keys;
  for (auto& one : *group)
    for (auto& item : one.items) {
      place(item, heads, keys);
      one.refused = !item.placed;
      if (one.refused) break;  // nothing before it was given a place: what may be gone comes first
    }
  if (weather_.no_writes || world_.chance(weather_.store_errors)) {
    world_.note("group_failed", {static_cast<std::int64_t>(group->size())});
    unlock();
    if (plant_ == Plant::ack_of_rolled_back)
      answer(group);
    else
      refuse(group, unavailable());
    return finish_group();
  }
  if (plant_ == Plant::ack_before_commit) answer(group);
  if (plant_ == Plant::tell_before_commit) tell(group);
  later(world_.between(0, 6), [this, group] {
    const bool lost = world_.chance(weather_.lost_answers);
    const bool is_there = !lost || world_.chance(50);
    if (is_there) commit(group);
    unlock();
    if (lost) return find_out(group, is_there);
    later(world_.between(0, 2), [this, group] { committed(group); });
  });
}

void ModelWriter::place(Item& item, std::map<StreamId, Seq>& heads,
                        std::map<std::string, Seq>& keys) {
  const auto& draft = item.draft;
  const auto* state = log_.state(draft.stream);
  if (state == nullptr) {
    item.placed = Error(ErrorKind::not_found);
    return;
  }
  if (!draft.key.empty() && plant_ != Plant::forgotten_dedupe) {
    if (const auto known = find_key(draft)) {
      item.placed = Placed{state->epoch, *known};
      return;
    }
    if (const auto in_group = keys.find(draft.key); in_group != keys.end()) {
      item.placed = Placed{state->epoch, in_group->second};
      return;
    }
  }
  auto& head = heads.try_emplace(draft.stream, state->head).first->second;
  head = head.next();
  if (!draft.key.empty()) keys[draft.key] = head;
  item.placed = Placed{state->epoch, head};
  item.event = std::make_shared<const Event>(
      Event{draft.stream, head, world_.wall(), draft.type, draft.body + body_of(draft.payload)});
}

std::optional<Seq> ModelWriter::find_key(const Draft& draft) const {
  if (plant_ != Plant::dedupe_per_node) return log_.find_key(draft.stream, draft.key);
  const auto found = own_keys_.find({draft.stream, draft.key});
  return found == own_keys_.end() ? std::nullopt : std::optional(found->second);
}

void ModelWriter::commit(const Group& group) {
  for (auto& one : *group) {
    if (one.refused) continue;
    for (auto& item : one.items) {
      if (!item.event) continue;
      if (log_.append(item.draft, item.event)) {
        if (plant_ == Plant::dedupe_per_node)
          own_keys_[{item.draft.stream, item.draft.key}] = item.event->seq;
        continue;
      }
      item.placed = Error(ErrorKind::not_found);  // removed while the group was being written
      item.event.reset();
    }
    one.rows();
  }
}

void ModelWriter::committed(const Group& group) {
  tell_changes(group);
  if (plant_ != Plant::ack_before_commit) answer(group);
  later(world_.between(0, 2), [this, group] {
    if (plant_ != Plant::tell_before_commit) tell(group);
    finish_group();
  });
}

void ModelWriter::find_out(const Group& group, bool is_there) {
  world_.note("lost_answer", {static_cast<std::int64_t>(group->size()), is_there ? 1 : 0});
  const auto takes = world_.between(50, 3'000);
  if (takes <= kPatience)
    return later(takes, [this, group, is_there] {
      if (is_there) return committed(group);
      refuse(group, unavailable());
      finish_group();
    });
  later(kPatience, [this, group] {
    refuse(group, plant_ == Plant::unknown_as_rejected
                      ? Error(ErrorKind::not_found)
                      : Error(ErrorKind::unavailable, "outcome_unknown", ""));
  });
  later(takes, [this, group, is_there] {
    if (is_there) {
      tell_changes(group);
      tell(group);
    }
    finish_group();
  });
}

void ModelWriter::answer(const Group& group) {
  for (auto& one : *group) one.done(one.items.empty() ? Placed{} : one.items.front().placed);
}

void ModelWriter::refuse(const Group& group, const Error& error) {
  for (auto& one : *group) one.done(error);
}

void ModelWriter::tell_changes(const Group& group) {
  for (const auto& one : *group)
    if (!one.refused)
      for (const auto& told : one.told_of) told();
}

void ModelWriter::tell(const Group& group) {
  std::vector<EventPtr> events;
  for (const auto& one : *group)
    for (const auto& item : one.items)
      if (item.event && !one.refused) events.push_back(item.event);
  if (listener_ != nullptr && !events.empty()) listener_->on_committed(events);
}

void ModelWriter::finish_group() {
  writing_ = false;
  if (!queue_.empty()) start_group();
}

}  // namespace indaba::stream::simulation
