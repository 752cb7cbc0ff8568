#include "stream/simulation/model_store.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace indaba::stream::simulation {

namespace {

// Asks now, looks after a while, and answers on the asker's loop after another; nobody hears of it
// where the process is gone.
template <class Look, class Answer>
void read(World& world, const Weather& weather, std::weak_ptr<int> life, Look look,
          Answer on_answer) {
  auto* executor = Executor::current();
  check(executor != nullptr, "the store is asked on a loop");
  world.after(world.between(0, weather.store_delay), [&world, &weather, executor, life,
                                                      look = std::move(look),
                                                      on_answer = std::move(on_answer)]() mutable {
    if (life.expired()) return;
    auto found = look();
    world.after(
        world.between(0, weather.store_delay),
        [executor, life, found = std::move(found), on_answer = std::move(on_answer)]() mutable {
          if (life.expired()) return;
          executor->post([found = std::move(found), on_answer = std::move(on_answer)]() mutable {
            on_answer(std::move(found));
          });
        });
  });
}

}  // namespace

void ModelStore::read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) {
  read(
      world_, weather_, life_, [=, this] { return snapshot(stream, after, limit); },
      std::move(on_page));
}

void ModelStore::read_access(UserId user, StreamId stream, OnAccess on_access) {
  read(
      world_, weather_, life_,
      [=, this]() -> Result<bool> {
        if (weather_.no_reads || world_.chance(weather_.store_errors))
          return Error(ErrorKind::unavailable);
        return log_.may_read(user, stream);
      },
      std::move(on_access));
}

Result<Page> ModelStore::snapshot(StreamId stream, Seq after, PageLimit limit) {
  if (weather_.no_reads || world_.chance(weather_.store_errors)) {
    world_.note("read_failed", {stream.value});
    return Error(ErrorKind::unavailable);
  }
  // Small pages, so that many readers are between two of them when something happens.
  limit.events = std::min<std::size_t>(limit.events, 1 + world_.below(12));
  auto page = log_.page(stream, after, limit);
  if (page && plant_ == Plant::epoch_ignored) page->state.epoch = log_.first_epoch(stream);
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

void ModelHeads::read_heads(std::vector<std::int64_t> streams, OnHeads on_heads) {
  read(
      world_, weather_, life_, [this, streams = std::move(streams)] { return snapshot(streams); },
      std::move(on_heads));
}

Result<std::vector<StreamHead>> ModelHeads::snapshot(std::span<const std::int64_t> streams) {
  if (weather_.no_reads || world_.chance(weather_.store_errors)) {
    world_.note("look_failed");
    return Error(ErrorKind::unavailable);
  }
  std::vector<StreamHead> heads;
  for (const auto id : streams) {
    auto head = log_.head(StreamId(id));
    if (plant_ == Plant::skipped_while_shut) head = without_what_was_shut(head);
    if (plant_ == Plant::rewrites_not_told) head.rewrites = 0;
    if (plant_ == Plant::epoch_ignored && !head.gone)
      head.state.epoch = log_.first_epoch(head.stream);
    heads.push_back(head);
  }
  return heads;
}

void ModelHeads::begin_epochs(std::vector<LostEpoch>, OnBegun) {
  check(plant_ != Plant::none, "a log that loses nothing is not taken for one that does");
}

StreamHead ModelHeads::without_what_was_shut(const StreamHead& head) {
  const auto told = told_.try_emplace(head.stream, head).first;
  if (!gate_is_open_()) seen_in_vain_[head.stream] = head.state.head;
  const auto in_vain = seen_in_vain_.find(head.stream);
  if (in_vain != seen_in_vain_.end() && in_vain->second == head.state.head) return told->second;
  told->second = head;
  return head;
}

}  // namespace indaba::stream::simulation
