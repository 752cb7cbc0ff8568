// Typing: who is writing where now, told to the others who follow the stream.
//
// One state a user and stream, whichever of their devices says it: told at most once a second, and
// its end once: when they say so, when their message is sent, 6 s after they last said it, or when
// the last device goes that said it. A device that is merely open somewhere does not type, so no
// node has to know of those of another one. What other nodes tell of the same person counts too
// (heard()): a message that is sent through one node ends what another one shows, and what a node
// showed that died meanwhile is ended by those that heard it. Bounded: past that, who begins to
// type is not shown. Any thread, under one lock; sweep() a few times a second.
#pragma once

#include "api/typing.hpp"
#include "base/clock.hpp"
#include "stream/event.hpp"
#include "stream/publisher.hpp"

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace indaba::presence {

class Typing final : public api::TypingStops {
 public:
  static constexpr Millis kLasts{6'000};
  static constexpr Millis kAtMostEvery{1'000};
  // How much longer what another node shows may last: it tells of what goes on once a second.
  static constexpr Millis kGrace{2'000};
  static constexpr Millis kSweepEvery{250};
  static constexpr std::size_t kMost = 20'000;

  // A connection that has said that its user types; none is 0.
  using Device = std::uint32_t;

  // Both outlive this.
  Typing(const Clock& clock, stream::SignPublisher& publisher)
      : clock_(clock), publisher_(publisher) {}

  [[nodiscard]] Device new_device();
  void start(StreamId stream, UserId user, const std::string& username, Device device);
  void stop(StreamId stream, UserId user) override;
  // It says nothing any more; the next sweep() ends what it alone had said.
  void gone(Device device);
  // A sign that another node sent; others than typing are passed over.
  void heard(const stream::Event& sign);
  // Ends what is over, and tells what had to wait for its second.
  void sweep();
  [[nodiscard]] std::size_t size() const;

 private:
  struct Key {
    StreamId stream;
    UserId user;
    friend bool operator==(Key, Key) = default;
  };
  struct Hash {
    std::size_t operator()(Key key) const noexcept {
      return std::hash<StreamId>{}(key.stream) * 31 + std::hash<UserId>{}(key.user);
    }
  };
  struct Entry {
    std::string username;
    std::vector<Device> devices;  // who said it, here
    MonoTime until{};
    MonoTime told_at{};   // that they type; none: never
    bool typing = false;  // what they said last, here: it is for this node to end it
    bool shown = false;   // what the others were told last
  };
  // All under the lock, so that what is told stays in order.
  void tell(Key key, Entry& entry, bool is_typing);
  void end(Key key, Entry& entry);
  void forget_gone();
  [[nodiscard]] bool may_tell(const Entry& entry, MonoTime now) const noexcept {
    return entry.told_at == MonoTime{} || now - entry.told_at >= kAtMostEvery;
  }

  const Clock& clock_;
  stream::SignPublisher& publisher_;
  mutable std::mutex mutex_;
  std::unordered_map<Key, Entry, Hash> entries_;  // guarded by mutex_, as the next two
  std::vector<Device> gone_;                      // since the last sweep
  Device last_device_ = 0;
};

// Whether people write on a stream of that name: a room or a conversation.
[[nodiscard]] bool is_written_on(std::string_view stream_name) noexcept;

}  // namespace indaba::presence
