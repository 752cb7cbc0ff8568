#include "stream/simulation/ledger.hpp"

#include "stream/simulation/model_log.hpp"

namespace indaba::stream::simulation {

namespace {

constexpr Millis kSoon{1'000};
constexpr Millis kAtLast{10'000};
// So long after the last trouble all nodes know each other and have compared heads.
constexpr Millis kSettled{5'000};

}  // namespace

// --- from the log

void Ledger::committed(StreamId stream, const std::string& epoch, Seq seq,
                       const std::string& payload) {
  auto& entries = truth_[{stream, epoch}];
  if (seq.value != static_cast<std::int64_t>(entries.size()) + 1)
    world_.violation(
        fmt::format("I3: seq {} of stream {} was committed out of order", seq.value, stream.value));
  entries.push_back({payload, world_.now(), {}, {}});
}

void Ledger::rewritten(StreamId stream, const std::string& epoch, Seq seq,
                       const std::string& payload) {
  auto& entry = truth_[{stream, epoch}][static_cast<std::size_t>(seq.value - 1)];
  entry.instead = payload;
  entry.rewritten_at = world_.now();
}

void Ledger::restored(StreamId stream, const std::string& backed_up, const std::string& epoch,
                      const std::vector<std::string>& payloads) {
  auto entries = truth_[{stream, backed_up}];
  entries.resize(payloads.size());
  for (std::size_t i = 0; i < payloads.size(); ++i)
    if (entries[i].payload == payloads[i]) entries[i].instead.clear();  // as it was before
  truth_[{stream, epoch}] = std::move(entries);
  ended_[{stream, backed_up}] = {epoch, Seq(static_cast<std::int64_t>(payloads.size()))};
  std::erase_if(acks_, [&](Ack& ack) { return !carry_over(ack.stream, ack.epoch, ack.seq); });
}

bool Ledger::carry_over(StreamId stream, std::string& epoch, Seq seq) const {
  for (auto ended = ended_.find({stream, epoch}); ended != ended_.end();
       ended = ended_.find({stream, epoch})) {
    if (seq > ended->second.head) return false;
    epoch = ended->second.by;
  }
  return true;
}

// --- from publishers and readers

void Ledger::acked(const ModelLog& log, StreamId stream, std::string epoch, Seq seq,
                   const std::string& payload) {
  if (!carry_over(stream, epoch, seq)) return;
  for (const auto& ack : acks_)
    if (ack.stream == stream && ack.epoch == epoch && ack.payload == payload && ack.seq != seq &&
        log.keeps(stream, epoch, ack.seq) && log.keeps(stream, epoch, seq))
      world_.violation(fmt::format("I4: {} was acknowledged at {} and at {}", payload,
                                   ack.seq.value, seq.value));
  acks_.push_back({stream, std::move(epoch), seq, payload});
}

void Ledger::delivered(UserId reader, StreamId stream, const std::string& epoch, Seq seq,
                       const std::string& payload) {
  const auto found = truth_.find({stream, epoch});
  const auto index = static_cast<std::size_t>(seq.value - 1);
  if (found == truth_.end() || index >= found->second.size())
    return world_.violation(fmt::format("I2: {} was delivered as {}/{} and never committed",
                                        payload, stream.value, seq.value));
  const auto& entry = found->second[index];
  const bool rewritten = !entry.instead.empty();
  if (payload != entry.payload && (!rewritten || payload != entry.instead))
    world_.violation(fmt::format("I3: {}/{} is {} in the log and was delivered as {}", stream.value,
                                 seq.value, entry.payload, payload));
  if (rewritten && payload == entry.payload && calm_for(kSettled) &&
      world_.now() - entry.rewritten_at > kSettled)
    world_.violation(fmt::format("I2: {}/{} came back after it was deleted at {}", stream.value,
                                 seq.value, entry.rewritten_at.count()));
  check_access(reader, stream, entry.at, payload);
}

void Ledger::ephemeral_delivered(UserId reader, StreamId stream, const std::string& payload) {
  const auto found = attempted_.find(payload);
  if (found == attempted_.end())
    return world_.violation("I2: " + payload + " was delivered and never published");
  check_access(reader, stream, found->second, payload);
}

// --- whose access ended

void Ledger::set_trouble(bool trouble) {
  trouble_ = trouble;
  calm_since_ = world_.now();
}

void Ledger::access_ended(UserId reader, StreamId stream) {
  ended_access_[{reader, stream}] = {world_.now(), kAtLast};
  if (!calm_for(kSettled)) return;
  world_.after(kSoon, [this, reader, stream, at = world_.now()] {
    const auto ended = ended_access_.find({reader, stream});
    if (ended != ended_access_.end() && ended->second.at == at && calm_for(kSettled + kSoon))
      ended->second.bound = kSoon;
  });
}

void Ledger::check_access(UserId reader, StreamId stream, Millis published,
                          const std::string& payload) {
  const auto ended = ended_access_.find({reader, stream});
  if (ended == ended_access_.end() || published <= ended->second.at + ended->second.bound) return;
  world_.violation(fmt::format(
      "I8: {} was published at {} and reached user {}, whose access to {} ended at {}", payload,
      published.count(), reader.value, stream.value, ended->second.at.count()));
}

// --- at the end

void Ledger::audit(const ModelLog& log) {
  for (const auto& ack : acks_) {
    if (!log.keeps(ack.stream, ack.epoch, ack.seq)) {
      if (!log.has_let_go(ack.stream, ack.epoch, ack.seq))
        world_.violation(fmt::format("I1: {} was acknowledged at {}/{} and is not in the log",
                                     ack.payload, ack.stream.value, ack.seq.value));
      continue;
    }
    const auto& entry =
        truth_.at({ack.stream, ack.epoch})[static_cast<std::size_t>(ack.seq.value - 1)];
    const auto& kept = entry.instead.empty() ? ack.payload : entry.instead;
    if (entry.payload != ack.payload || log.payload_at(ack.stream, ack.seq) != kept)
      world_.violation(fmt::format("I1: {} was acknowledged at {}/{}, where another one stands",
                                   ack.payload, ack.stream.value, ack.seq.value));
  }
  for (const auto& [epoch, entries] : truth_) {
    std::map<std::string_view, Seq> kept;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto& payload = entries[i].payload;
      const Seq seq(static_cast<std::int64_t>(i) + 1);
      if (!attempted_.contains(payload))
        world_.violation("I2: " + payload + " is in the log and was never sent");
      if (rejected_.contains(payload))
        world_.violation("I6: " + payload + " was rejected and is in the log");
      if (!log.keeps(epoch.first, epoch.second, seq)) continue;
      if (!kept.emplace(payload, seq).second)
        world_.violation("I4: " + payload + " is twice in the log");
    }
  }
}

}  // namespace indaba::stream::simulation
