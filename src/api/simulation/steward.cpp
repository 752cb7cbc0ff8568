#include "api/simulation/steward.hpp"

namespace indaba::api::simulation {

namespace {
constexpr Millis kPatience{1'500};
}

void Steward::act_later() {
  parts_.world.after(parts_.world.between(10, 4'000), [this] {
    if (!stopping_) act();
  });
}

void Steward::act() {
  user_ = UserId(
      1 + static_cast<std::int64_t>(parts_.world.below(static_cast<std::uint64_t>(parts_.users))));
  stream_ = parts_.streams[parts_.world.below(parts_.streams.size())];
  gives_ = !parts_.log.may_read(user_, stream_);
  ++acts_;
  busy_ = true;
  attempt(++attempts_);
}

// What is not known to be done is done again; that does no harm.
void Steward::attempt(int number) {
  waiting_ = number;
  parts_.world.after(kPatience, [this, number] { on_answer(number, false); });
  auto* node = parts_.node();
  if (node == nullptr) return;
  auto on_done = [this, number, gives = gives_, user = user_,
                  stream = stream_](const Result<stream::simulation::Placed>& placed) {
    if (placed && !gives && !parts_.log.may_read(user, stream)) {
      parts_.world.note("access_ended", {user.value, stream.value});
      parts_.ledger.access_ended(user, stream);
    }
    on_answer(number, bool(placed));
  };
  if (gives_) return node->give_access(user_, stream_, std::move(on_done));
  const auto payload = fmt::format("a{}-{}", acts_, number);
  parts_.ledger.attempted(payload);
  node->end_access(user_, stream_, payload, std::move(on_done));
}

void Steward::on_answer(int number, bool done) {
  if (waiting_ != number) return;
  waiting_ = 0;
  if (done) {
    busy_ = false;
    return act_later();
  }
  parts_.world.after(parts_.world.between(0, 200), [this] { attempt(++attempts_); });
}

}  // namespace indaba::api::simulation
