#include "stream/simulation/ledger.hpp"

#include "stream/simulation/model_log.hpp"

namespace indaba::stream::simulation {

void Ledger::committed(StreamId stream, const std::string& epoch, Seq seq,
                       const std::string& payload) {
  auto& payloads = truth_[{stream, epoch}];
  if (seq.value != static_cast<std::int64_t>(payloads.size()) + 1)
    world_.violation(
        fmt::format("I3: seq {} of stream {} was committed out of order", seq.value, stream.value));
  payloads.push_back(payload);
}

void Ledger::restored(StreamId stream, const std::string& backed_up, const std::string& epoch,
                      Seq head) {
  auto payloads = truth_[{stream, backed_up}];
  payloads.resize(static_cast<std::size_t>(head.value));
  truth_[{stream, epoch}] = std::move(payloads);
  ended_[{stream, backed_up}] = {epoch, head};
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

void Ledger::acked(const ModelLog& log, StreamId stream, std::string epoch, Seq seq,
                   const std::string& payload) {
  if (!carry_over(stream, epoch, seq)) return;
  for (const auto& ack : acks_)
    if (ack.stream == stream && ack.epoch == epoch && ack.payload == payload && ack.seq != seq &&
        log.keeps(stream, epoch, ack.seq))
      world_.violation(fmt::format("I4: {} was acknowledged at {} and at {}", payload,
                                   ack.seq.value, seq.value));
  acks_.push_back({stream, std::move(epoch), seq, payload});
}

void Ledger::delivered(StreamId stream, const std::string& epoch, Seq seq,
                       const std::string& payload) {
  const auto found = truth_.find({stream, epoch});
  const auto index = static_cast<std::size_t>(seq.value - 1);
  if (found == truth_.end() || index >= found->second.size())
    return world_.violation(fmt::format("I2: {} was delivered as {}/{} and never committed",
                                        payload, stream.value, seq.value));
  if (found->second[index] != payload)
    world_.violation(fmt::format("I3: {}/{} is {} in the log and was delivered as {}", stream.value,
                                 seq.value, found->second[index], payload));
}

void Ledger::ephemeral_delivered(const std::string& payload) {
  if (!attempted_.contains(payload))
    world_.violation("I2: " + payload + " was delivered and never published");
}

void Ledger::audit(const ModelLog& log) {
  for (const auto& ack : acks_) {
    if (!log.keeps(ack.stream, ack.epoch, ack.seq)) {
      if (!log.has_let_go(ack.stream, ack.epoch, ack.seq))
        world_.violation(fmt::format("I1: {} was acknowledged at {}/{} and is not in the log",
                                     ack.payload, ack.stream.value, ack.seq.value));
    } else if (log.payload_at(ack.stream, ack.seq) != ack.payload) {
      world_.violation(fmt::format("I1: {} was acknowledged at {}/{}, where another one stands",
                                   ack.payload, ack.stream.value, ack.seq.value));
    }
  }
  for (const auto& [epoch, payloads] : truth_) {
    std::map<std::string_view, Seq> kept;
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      const Seq seq(static_cast<std::int64_t>(i) + 1);
      if (!attempted_.contains(payloads[i]))
        world_.violation("I2: " + payloads[i] + " is in the log and was never sent");
      if (rejected_.contains(payloads[i]))
        world_.violation("I6: " + payloads[i] + " was rejected and is in the log");
      if (!log.keeps(epoch.first, epoch.second, seq)) continue;
      if (!kept.emplace(payloads[i], seq).second)
        world_.violation("I4: " + payloads[i] + " is twice in the log");
    }
  }
}

}  // namespace indaba::stream::simulation
