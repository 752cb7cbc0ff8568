#include "stream/simulation/model_log.hpp"

#include <algorithm>

namespace indaba::stream::simulation {

namespace {
constexpr auto kEmptied = "deleted";
}

std::string body_of(const std::string& payload) {
  return ",\"p\":\"" + payload + "\"";
}

std::string payload_of(std::string_view json) {
  const auto begin = json.find("\"p\":\"") + 5;
  return std::string(json.substr(begin, json.find('"', begin) - begin));
}

void ModelLog::create(StreamId stream) {
  data_.streams[stream].state.epoch = fmt::format("e{}", ++epochs_);
  first_epochs_[stream] = data_.streams[stream].state.epoch;
}

// --- what writers do

void ModelLog::lock(std::weak_ptr<int> life, World::Action work) {
  waiting_.push_back({std::move(life), std::move(work)});
  if (!locked_) unlock();
}

void ModelLog::unlock() {
  locked_ = false;
  while (!locked_ && !waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next.life.expired()) continue;
    locked_ = true;
    next.work();
  }
}

std::optional<Seq> ModelLog::find_key(StreamId id, const std::string& key) const {
  const auto& stream = data_.streams.at(id);
  const auto known = stream.keys.find(key);
  if (known == stream.keys.end() || known->second < stream.state.oldest) return std::nullopt;
  return known->second;
}

bool ModelLog::append(const Draft& draft, const EventPtr& event) {
  const auto found = data_.streams.find(draft.stream);
  if (found == data_.streams.end()) return false;
  auto& stream = found->second;
  stream.events.push_back(event);
  stream.state.head = event->seq;
  if (!draft.key.empty()) stream.keys[draft.key] = event->seq;
  world_.note("commit", {draft.stream.value, event->seq.value});
  ledger_.committed(draft.stream, stream.state.epoch, event->seq, draft.payload);
  return true;
}

void ModelLog::rewrite(StreamId id, Seq seq) {
  const auto found = data_.streams.find(id);
  if (found == data_.streams.end() || seq < found->second.state.oldest) return;
  auto& stream = found->second;
  auto& event = stream.events[static_cast<std::size_t>(seq.value - 1)];
  event = std::make_shared<const Event>(
      Event{id, seq, event->created_at, event->type, body_of(kEmptied)});
  ++stream.rewrites;
  world_.note("rewrite", {id.value, seq.value});
  ledger_.rewritten(id, stream.state.epoch, seq, kEmptied);
}

void ModelLog::set_access(UserId user, StreamId stream, bool may_read) {
  world_.note("access", {user.value, stream.value, may_read ? 1 : 0});
  if (may_read) {
    data_.shut_out.erase({user, stream});
    ledger_.access_given(user, stream);
  } else {
    data_.shut_out.insert({user, stream});
  }
}

// --- what an operator does

Seq ModelLog::trim(StreamId id) {
  const auto found = data_.streams.find(id);
  if (found == data_.streams.end()) return Seq{};
  auto& state = found->second.state;
  const auto kept = state.head.value - state.oldest.value + 1;
  state.oldest = Seq(state.oldest.value +
                     static_cast<std::int64_t>(world_.below(static_cast<std::uint64_t>(kept) + 1)));
  world_.note("trim", {id.value, state.oldest.value});
  return state.oldest;
}

void ModelLog::remove(StreamId stream) {
  world_.note("remove", {stream.value});
  data_.streams.erase(stream);
  backup_.streams.erase(stream);
}

void ModelLog::restore() {
  for (auto& [id, stream] : backup_.streams) {
    const auto before = std::exchange(stream.state.epoch, fmt::format("e{}", ++epochs_));
    world_.note("restore", {id.value, stream.state.head.value});
    std::vector<std::string> payloads;
    for (const auto& event : stream.events) payloads.push_back(payload_of(event->body));
    ledger_.restored(id, before, stream.state.epoch, payloads);
    data_.streams[id] = stream;
  }
  for (const auto& [user, stream] : std::exchange(data_.shut_out, backup_.shut_out))
    if (may_read(user, stream)) ledger_.access_given(user, stream);
}

// --- what readers see

const StreamState* ModelLog::state(StreamId stream) const {
  const auto found = data_.streams.find(stream);
  return found == data_.streams.end() ? nullptr : &found->second.state;
}

StreamHead ModelLog::head(StreamId id) const {
  const auto found = data_.streams.find(id);
  if (found == data_.streams.end()) return {.stream = id, .gone = true};
  return {id, found->second.state, found->second.rewrites};
}

Result<Page> ModelLog::page(StreamId id, Seq after, PageLimit limit) const {
  const auto found = data_.streams.find(id);
  if (found == data_.streams.end()) return Error(ErrorKind::not_found);
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
  return payload_of(data_.streams.at(stream).events[static_cast<std::size_t>(seq.value - 1)]->body);
}

}  // namespace indaba::stream::simulation
