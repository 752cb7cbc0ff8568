// Client: an application that follows streams over many connections, and checks what it is told.
//
// I3: within an epoch its seqs are consecutive, over all its reconnects. I5: where they cannot be,
// it was told `reset`, for a reason that holds in the log. It remembers the epoch and seq of what
// it has, as a real client does.
#pragma once

#include "stream/simulation/ledger.hpp"
#include "stream/simulation/link.hpp"
#include "stream/simulation/model_log.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace indaba::stream::simulation {

class Client final : public Inbox {
 public:
  struct Parts {
    World& world;
    const ModelLog& log;
    Ledger& ledger;
    std::function<Host*()> host;  // one that it may connect to; none while all are down
    Plant plant;
    int pace;
    int number;
    bool ephemeral_once = true;  // nothing repeats them on their way
  };

  explicit Client(const Parts& parts)
      : world_(parts.world),
        log_(parts.log),
        ledger_(parts.ledger),
        host_(parts.host),
        plant_(parts.plant),
        pace_(parts.pace),
        number_(parts.number),
        ephemeral_once_(parts.ephemeral_once) {}
  ~Client() override;

  [[nodiscard]] UserId user() const noexcept { return UserId(number_ + 1); }
  void follow(StreamId stream, std::string name, bool durable, Start first);
  void connect();
  void disconnect();
  void refollow(StreamId stream);  // unsubscribes, and subscribes again when that is confirmed

  // At the end, when all has been quiet for a while.
  void check_up_to_date();

  void receive(const Message& message) override;
  void cut_off() override;

 private:
  enum class Stage : unsigned char { idle, asked, must_reset, following, leaving, refused, gone };
  struct Following {
    StreamId id;
    std::string name;
    bool durable = true;
    Start first;
    Start asked;
    Stage stage = Stage::idle;
    std::string epoch;  // empty: nothing was received yet
    Seq seq;
  };

  void connect_later();
  void ask(Following& following);
  void on_subscribed(Following& following, const Message& message);
  void on_reset(Following& following, const Message& message);
  void on_event(Following& following, const Message& message);
  void on_refused(Following& following);
  [[nodiscard]] bool reset_is_true(const Following& following, const Message& message) const;
  void wrong(const Following& following, std::string_view what);

  World& world_;
  const ModelLog& log_;
  Ledger& ledger_;
  const std::function<Host*()> host_;
  const Plant plant_;
  const int pace_;
  const int number_;
  const bool ephemeral_once_;
  std::map<StreamId, Following> following_;
  std::set<std::string> ephemeral_;  // of this connection
  std::shared_ptr<Link> link_;
  bool connecting_ = false;
};

}  // namespace indaba::stream::simulation
