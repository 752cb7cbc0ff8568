#include "api/simulation/node.hpp"

#include "api/access_record.hpp"

#include <algorithm>

namespace indaba::api::simulation {

namespace {

using stream::simulation::ModelChange;

constexpr Millis kTick{50};
constexpr int kTicksAHello = 20;

// A change is recorded through the product's own code, which only stages; nothing runs on it.
class NoSession final : public db::Session {
 public:
  Result<void> run(std::string_view, std::span<const db::Param>, const RowCallback&) override {
    return Error::internal("the log of the simulation knows no SQL");
  }
  [[nodiscard]] std::int64_t changed() const override { return 0; }
};

}  // namespace

// --- one connection

GuardedSession::GuardedSession(Node& node, std::size_t loop, const std::shared_ptr<Link>& link)
    : Session(node.parts_.world, node.parts_.log, node.hub_.local(loop), *node.loops_[loop], link,
              node.parts_.plant),
      node_(node),
      on_loop_(loop) {}

void GuardedSession::follow(StreamId stream, const std::string& name, bool durable,
                            const stream::Start& start) {
  asked_[stream] = {name, durable, start};
  node_.look_up_access(user(), stream,
                       [alive = life(), this, stream](const Result<bool>& may_read) {
                         if (!alive.expired()) on_access(stream, may_read);
                       });
}

void GuardedSession::on_access(StreamId stream, const Result<bool>& may_read) {
  const auto found = asked_.find(stream);
  if (found == asked_.end()) return;
  const auto asked = std::move(found->second);
  asked_.erase(found);
  if (!may_read || !*may_read || asked.ended_meanwhile) return refuse(stream);
  Session::follow(stream, asked.name, asked.durable, asked.start);
}

void GuardedSession::on_access_change(const AccessChange& change) {
  const auto* ended = std::get_if<StreamAccessEnded>(&change);
  if (ended == nullptr && !std::holds_alternative<AccessUnknown>(change)) return;
  if (ended != nullptr && ended->user != user()) return;
  const auto about = [ended](StreamId stream) {
    return ended == nullptr || ended->stream == stream;
  };
  for (auto& [stream, asked] : asked_)
    if (about(stream)) asked.ended_meanwhile = true;
  for (const auto stream : followed())
    if (about(stream)) refuse(stream);
}

// --- the node

Node::Node(const Parts& parts)
    : parts_(parts),
      store_(parts.world, parts.log, parts.weather, parts.plant),
      hub_(parts.world),
      relay_(hub_),
      renumbering_(relay_),
      follower_(changes_, parts.world, parts.logger),
      gated_(store_, parts.access_stream, [this] { return gate_is_open(); }),
      bus_(parts.world, parts.broker, parts.plant),
      cluster_(bus_, cluster::new_node_id(parts.world.random()), parts.world, parts.logger),
      head_source_(parts.world, parts.log, parts.weather, parts.plant,
                   [this] { return follower_.fresh(); }),
      heads_({head_source_, hub_, parts.world, parts.logger, [this] { return cluster_.up(); },
              [this](MonoTime asked, std::span<const stream::StreamHead> heads) {
                const auto found =
                    std::ranges::find(heads, parts_.access_stream, &stream::StreamHead::stream);
                if (found != heads.end() && !found->gone)
                  follower_.looked(asked, found->state.head);
              }}),
      writer_(parts.world, parts.log, parts.weather, parts.plant),
      readers_(parts.world, 1'000,
               parts.plant == Plant::access_believed ? auth::kBelievedAlone
                                                     : auth::kBelievedAmongOthers) {
  changes_.share(parts.access_stream, cluster_.self());
  hub_.set_gate(parts.access_stream, [this] { return gate_is_open(); });
  relay_.connect(cluster_);
  cluster_.when_joined([this] { heads_.request(); });
  for (std::size_t i = 0; i < kLoops; ++i) {
    loops_.push_back(std::make_unique<stream::simulation::SimLoop>(parts.world));
    hub_.add_loop(loops_.back()->executor, gated_);
  }
  if (parts.plant == Plant::renumbering_bus)
    writer_.listen(&renumbering_);
  else
    writer_.listen(&relay_);
  changes_.listen([this](const AccessChange& change) {
    const auto* ended = std::get_if<StreamAccessEnded>(&change);
    if (ended != nullptr && parts_.plant != Plant::access_believed)
      readers_.forget({ended->user, ended->stream});
    if (ended == nullptr) readers_.forget_if([](const Place&, bool) { return true; });
    if (parts_.plant != Plant::access_not_told) tell_sessions(change);
  });
  start();
}

Node::~Node() {
  sessions_.clear();  // before the hub that they read from
  follower_.stop();
}

void Node::start() {
  auto& loop = loops_.front()->executor;
  loop.post([this] {
    cluster_.start();
    follower_.start(hub_.local(0), [this] { ready_ = true; });
    tick();
  });
}

void Node::tick() {
  if (parts_.plant != Plant::no_repair) heads_.tick();
  if (ticks_++ % kTicksAHello == 0) cluster_.tick();
  loops_.front()->executor.run_after(kTick, [this] { tick(); });
}

void Node::connect(const std::shared_ptr<Link>& link) {
  link->host = this;
  sessions_.push_back(std::make_unique<GuardedSession>(*this, parts_.world.below(kLoops), link));
}

void Node::forget(const Session* session) {
  sessions_.remove_if([&](const auto& one) { return one.get() == session; });
}

// As the gateway does: behind what the same tick delivers.
void Node::tell_sessions(const AccessChange& change) {
  for (std::size_t i = 0; i < loops_.size(); ++i)
    loops_[i]->executor.post([this, i, change] {
      loops_[i]->executor.at_tick_end([this, i, change] {
        for (const auto& session : sessions_)
          if (session->on_loop() == i) session->on_access_change(change);
      });
    });
}

// --- what users and operators do

void Node::end_access(UserId user, StreamId stream, const std::string& payload,
                      ModelWriter::Done done) {
  NoSession session;
  db::WriteTx tx(session);
  changes_.record(tx, StreamAccessEnded{stream, user});
  ModelChange change{.rows = [this, user, stream] { parts_.log.set_access(user, stream, false); },
                     .told_of = tx.committed()};
  for (const auto& draft : tx.asides())
    change.drafts.push_back(
        {.stream = draft.stream, .payload = payload, .type = draft.type, .body = draft.body});
  if (parts_.plant == Plant::access_not_told)
    change.told_of.emplace_back(
        [this, user, stream] { tell_sessions(StreamAccessEnded{stream, user}); });
  writer_.submit(std::move(change), std::move(done));
}

void Node::give_access(UserId user, StreamId stream, ModelWriter::Done done) {
  writer_.submit({.rows = [this, user, stream] { parts_.log.set_access(user, stream, true); }},
                 std::move(done));
}

void Node::rewrite(StreamId stream, Seq seq, const std::string& payload) {
  ModelChange change{.drafts = {{.stream = stream, .payload = payload}},
                     .rows = [this, stream, seq] { parts_.log.rewrite(stream, seq); }};
  if (parts_.plant != Plant::rewrites_not_told)
    change.told_of.emplace_back([this, stream] { relay_.on_rewritten(stream); });
  writer_.submit(std::move(change), [](const auto&) {});
}

void Node::look_up_access(UserId user, StreamId stream,
                          stream::simulation::ModelStore::OnAccess done) {
  const Place place{user, stream};
  if (const auto known = readers_.find(place)) return done(*known);
  store_.read_access(user, stream,
                     [this, place, ticket = readers_.ticket(place),
                      done = std::move(done)](Result<bool> may_read) mutable {
                       if (may_read && *may_read) readers_.put(place, true, ticket);
                       done(std::move(may_read));
                     });
}

void Node::Renumbering::on_committed(std::span<const stream::EventPtr> events) {
  std::vector<stream::EventPtr> told;
  for (const auto& event : events) {
    const auto [last, first] = told_.try_emplace(event->stream, event->seq);
    if (!first) last->second = last->second.next();
    told.push_back(std::make_shared<const stream::Event>(
        stream::Event{event->stream, last->second, event->created_at, event->type, event->body}));
  }
  next_.on_committed(told);
}

}  // namespace indaba::api::simulation
