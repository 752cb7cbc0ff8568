#include "cluster/bridge.hpp"

#include <algorithm>
#include <future>

namespace indaba::cluster {

namespace {

constexpr Millis kFollow{2000};
constexpr Millis kFollowAll{60'000};
constexpr Millis kSweep{30'000};
constexpr Millis kIdle{60'000};
constexpr Millis kFinish{1000};
constexpr Millis kTellAgain{60'000};

}  // namespace

Bridge::Bridge(Parts parts, std::vector<GroupMapping> mappings, const MakeLayer& make_layer)
    : parts_(parts),
      mappings_(std::move(mappings)),
      thread_(parts.clock),
      layer_(make_layer(thread_.loop())),
      leader_(parts.database, "bridge", parts.clock, parts.random),
      followed_up_to_(mappings_.size(), 0) {
  for (const auto& mapping : mappings_) out_types_.insert(mapping.out.begin(), mapping.out.end());
}

Bridge::~Bridge() {
  stop();
}

void Bridge::start() {
  started_ = true;
  thread_.loop().post([this] {
    layer_->start(*this);
    std::vector<std::string> groups;
    for (const auto& mapping : mappings_)
      if (mapping.blank == GroupMapping::Blank::none) groups.push_back(mapping.group);
    layer_->follow(groups);
    leader_.start(thread_.loop(), [this](bool leading) { on_leading(leading); });
    every(kFollow, &Bridge::follow_new);
    every(kSweep, &Bridge::sweep);
  });
  thread_.start();
}

void Bridge::stop(Millis within) {
  if (!started_.exchange(false)) return;
  const auto end = parts_.clock.mono() + within;
  const auto left = [this, end] {
    return std::chrono::duration_cast<Millis>(end - parts_.clock.mono());
  };
  const auto on_loop = [this](const std::function<void()>& work) {
    std::promise<void> done;
    thread_.loop().post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  };
  const auto wait_idle = [&] {
    const auto until = parts_.clock.mono() + std::min(kFinish, left());
    while (running_.load() > 0 && parts_.clock.mono() < until)
      std::this_thread::sleep_for(Millis(5));
  };
  closing_ = true;
  on_loop([this] { layer_->set_receiving(false); });
  wait_idle();
  abandoned_ = true;
  on_loop([this] { leader_.stop(); });
  if (!leader_.resign_blocking(left()))
    parts_.log.warn("bridge", "the lead could not be given back; it ends by itself");
  wait_idle();
  on_loop([this] { layer_->stop(); });
  thread_.stop();
}

void Bridge::every(Millis interval, void (Bridge::*work)()) {
  thread_.loop().run_after(interval, [this, interval, work] {
    if (!started_) return;
    (this->*work)();
    every(interval, work);
  });
}

BridgeStats Bridge::stats() const {
  return {layer_->stats(), leader_.leading(), delivered_.load(), refused_.load(),
          sent_.load(),    dropped_.load(),   left_out_.load()};
}

void Bridge::on_leading(bool leading) {
  parts_.log.info("bridge", leading ? "this node takes what Django says"
                                    : "this node no longer takes what Django says");
  if (!leading || layer_->every_node_hears()) return layer_->set_receiving(leading);
  follow_new();
}

// Groups of organisations and users are followed by name where the layer knows no patterns; before
// the first message is taken, which may be of any of them.
void Bridge::follow_new() {
  if (layer_->every_node_hears() || !leader_.leading() || following_) return;
  following_ = true;
  ++running_;
  spawn(follow_blanks());
}

// From the ids that are new; now and then from the first one, since accounts of another service
// may come in any order.
Task<void> Bridge::follow_blanks() {
  if (thread_.loop().now() - followed_at_ > kFollowAll) {
    followed_at_ = thread_.loop().now();
    std::ranges::fill(followed_up_to_, 0);
    counted_left_out_ = 0;
  }
  bool complete = true;
  for (std::size_t mapping = 0; mapping < mappings_.size(); ++mapping) {
    if (mappings_[mapping].blank == GroupMapping::Blank::none) continue;
    for (bool more = true; more && !closing_;) {
      auto asking = parts_.sink.blanks(mappings_[mapping], followed_up_to_[mapping]);
      const auto found = co_await asking;
      complete = complete && found;
      more = found && !found->empty() && !closing_;
      if (!more) continue;
      followed_up_to_[mapping] = found->back().first;
      follow(mappings_[mapping], *found);
    }
  }
  if (complete) tell_left_out();
  if (complete && leader_.leading() && !closing_) layer_->set_receiving(true);
  following_ = false;
  --running_;
}

void Bridge::follow(const GroupMapping& mapping, const BridgeSink::Blanks& blanks) {
  std::vector<std::string> groups;
  groups.reserve(blanks.size());
  for (const auto& [id, text] : blanks) groups.push_back(mapping.group_for(text));
  counted_left_out_ += layer_->follow(groups);
}

// Once when it begins; how many they are now is told by the figures.
void Bridge::tell_left_out() {
  if (left_out_.exchange(counted_left_out_) > 0 || counted_left_out_ == 0) return;
  parts_.log.error("bridge",
                   "there are more groups than this layer can follow: what Django says to the "
                   "newest ones is not heard; use pubsub, or name the groups that matter",
                   {{"followed", layer_->stats().groups}, {"left_out", counted_left_out_}});
}

void Bridge::sweep() {
  const auto old = thread_.loop().now() - kIdle;
  std::erase_if(lanes_, [&](const auto& lane) {
    return !lane.second->running && lane.second->found_at < old;
  });
  std::erase_if(out_lanes_, [&](const auto& lane) {
    return !lane.second->running && lane.second->found_at < old;
  });
}

bool Bridge::reserve(std::size_t bytes) {
  const auto size = static_cast<std::int64_t>(bytes);
  const auto count = waiting_.fetch_add(1) + 1;
  const auto sum = waiting_bytes_.fetch_add(size) + size;
  if (count <= kMostWaiting && sum <= kMostBytes) return true;
  release(bytes);
  return false;
}

void Bridge::release(std::size_t bytes) {
  waiting_.fetch_sub(1);
  waiting_bytes_.fetch_sub(static_cast<std::int64_t>(bytes));
}

void Bridge::refuse(Refusal why, std::string_view detail) {
  const bool full = why == Refusal::full;
  (full ? dropped_ : refused_).fetch_add(1);
  // Whoever sends nonsense may send much of it.
  auto& told = told_at_[static_cast<std::size_t>(why)];
  const auto now = parts_.clock.mono();
  auto before = told.load();
  if (before != MonoTime{} && now - before < kTellAgain) return;
  if (!told.compare_exchange_strong(before, now)) return;
  parts_.log.warn("bridge", full ? "a message is dropped" : "a message of Django is refused",
                  {{"reason", detail}});
}

}  // namespace indaba::cluster
