#include "bench/worker.hpp"

#include <algorithm>
#include <sys/epoll.h>
#include <unistd.h>

namespace indaba::bench {

namespace {

constexpr std::int64_t kMilli = 1'000'000;
constexpr std::int64_t kIdleTurn = 250 * kMilli;
// Where the window is full and nothing has come for this long, something is lost.
constexpr std::int64_t kStall = 2000 * kMilli;
constexpr std::size_t kParallel = 256;

std::size_t parallel_of(const Plan& plan, std::size_t otherwise) {
  const auto wanted = plan.options.parallel > 0 ? plan.options.parallel : otherwise;
  return std::max<std::size_t>(1, wanted / plan.options.processes);
}

std::size_t check_window(const Plan& plan) {
  return plan.is(Mode::fanout) && !plan.open_loop ? plan.window : 0;
}

}  // namespace

Worker::Waker::Waker(Poller& poller, int fd) : fd_(fd) {
  poller.add(fd, EPOLLIN, *this);
}

void Worker::Waker::on_ready(std::uint32_t) {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
}

Worker::Worker(const Plan& plan, SharedRun& shared, std::size_t process)
    : plan_(plan),
      shared_(shared),
      process_(process),
      block_(shared.process(process)),
      waker_(poller_, shared.waker(process)),
      check_(plan.readers_of(process), plan.readers && plan.senders ? plan.senders->count : 1,
             check_window(plan)),
      reader_context_{shared.run(), block_, check_, plan.options.seq},
      sender_context_{plan, shared.run(), block_} {
  const auto seed = static_cast<std::uint64_t>(now_ns()) + process;
  if (plan.readers) reader_wire_.emplace(poller_, buffer_, plan.readers->endpoint, seed);
  if (plan.senders) sender_wire_.emplace(poller_, buffer_, plan.senders->endpoint, ~seed);
  make_clients();
}

void Worker::make_clients() {
  std::vector<Client*> all;
  const auto processes = plan_.options.processes;
  for (std::size_t i = 0; i < plan_.readers_of(process_); ++i) {
    readers_.push_back(std::make_unique<Reader>(*reader_wire_, *plan_.readers, reader_context_, i,
                                                i * processes + process_));
    all.push_back(readers_.back().get());
  }
  for (std::size_t i = 0; i < plan_.senders_of(process_); ++i) {
    const auto source = plan_.senders_together() ? i : i * processes + process_;
    senders_.push_back(std::make_unique<Sender>(*sender_wire_, sender_context_, i, source));
    all.push_back(senders_.back().get());
  }
  const auto rate = plan_.is(Mode::storm) ? plan_.options.rate / static_cast<double>(processes) : 0;
  opening_ = std::make_unique<Opening>(std::move(all), parallel_of(plan_, kParallel), rate,
                                       plan_.options.timeout);
}

void Worker::run() {
  const auto& run = shared_.run();
  while (phase_ != Phase::end) {
    if (const auto phase = run.phase.load(std::memory_order_acquire); phase != phase_) enter(phase);
    if (phase_ == Phase::end) break;
    const auto due = turn();
    tell();
    poller_.wait(std::chrono::nanoseconds(due - now_ns()), [this] {
      if (loaded_ && plan_.open_loop) send_due(now_ns());
    });
  }
}

void Worker::enter(Phase phase) {
  const auto now = now_ns();
  phase_ = phase;
  if (phase == Phase::connect) {
    opening_->start(now);
  } else if (phase == Phase::load) {
    start_load(now);
  } else if (phase == Phase::drain) {
    loaded_ = sender_context_.sending = false;
  } else if (phase == Phase::cut) {
    block_.connect.clear();
    for (const auto& reader : readers_) reader->leave_for_a_while();
  } else if (phase == Phase::missed) {
    sender_context_.left = process_ == 0 ? plan_.options.missed : 0;
    sender_context_.sending = true;
    for (const auto& sender : senders_) sender->refill();
  } else if (phase == Phase::comeback) {
    come_back(now);
  } else if (phase == Phase::end) {
    finish();
  }
  tell();
  block_.reached.store(phase, std::memory_order_release);
}

void Worker::start_load(std::int64_t now) {
  loaded_ = true;
  load_began_ = moved_at_ = now;
  if (plan_.open_loop && !senders_.empty()) {
    const auto share =
        static_cast<double>(senders_.size()) / static_cast<double>(plan_.senders->count);
    interval_ns_ = 1e9 / (plan_.options.rate * share);
  }
  if (plan_.open_loop || is_window_shared()) return;
  sender_context_.sending = true;
  for (const auto& sender : senders_) sender->refill();
}

void Worker::come_back(std::int64_t now) {
  std::vector<Client*> all;
  for (const auto& reader : readers_) all.push_back(reader.get());
  const auto count = std::max<std::size_t>(1, plan_.readers->count);
  opening_ = std::make_unique<Opening>(std::move(all), parallel_of(plan_, count), 0,
                                       plan_.options.timeout);
  opening_->start(now);
}

void Worker::finish() {
  if (!plan_.is(Mode::fanout)) return;
  std::vector<std::int64_t> published;
  for (std::size_t i = 0; i < plan_.senders->count; ++i)
    published.push_back(shared_.run().published[i].load(std::memory_order_relaxed));
  check_.count_rest(published);
}

std::int64_t Worker::turn() {
  const auto now = now_ns();
  auto due = std::min(opening_->turn(now), now + kIdleTurn);
  if (!loaded_) return due;
  for (const auto& sender : senders_)
    if (plan_.senders->endpoint.protocol == Protocol::http_post) sender->revive(now);
  return std::min(due, send_due(now));
}

bool Worker::is_window_shared() const noexcept {
  return plan_.is(Mode::fanout) && !plan_.open_loop;
}

std::int64_t Worker::send_due(std::int64_t now) {
  if (senders_.empty()) return INT64_MAX;
  if (plan_.open_loop) return send_at_rate(now);
  if (is_window_shared()) return fill_window(now);
  return INT64_MAX;
}

std::optional<std::size_t> Worker::pick_sender() {
  for (std::size_t i = 0; i < senders_.size(); ++i) {
    const auto turn = next_sender_;
    next_sender_ = (next_sender_ + 1) % senders_.size();
    if (senders_[turn]->can_send()) return turn;
  }
  return std::nullopt;
}

std::int64_t Worker::send_at_rate(std::int64_t now) {
  while (true) {
    const auto due =
        load_began_ + static_cast<std::int64_t>(static_cast<double>(paced_) * interval_ns_);
    if (due > now) {
      blocked_ = false;
      return due;
    }
    const auto chosen = pick_sender();
    if (!chosen) {
      blocked_ = true;
      return now + kMilli;
    }
    auto& sender = *senders_[*chosen];
    const auto late = sender_context_.late;
    sender.put(due, now);
    if (blocked_) sender_context_.late = late;
    sender.flush();
    ++paced_;
    if (plan_.senders_together())
      shared_.run().published[*chosen].store(sender.number(), std::memory_order_relaxed);
    now = now_ns();
  }
}

std::int64_t Worker::done_by_all(std::size_t publisher) {
  auto done = INT64_MAX;
  for (std::size_t i = 0; i < shared_.size(); ++i) {
    auto& block = shared_.process(i);
    if (block.readers > 0)
      done = std::min(done, block.done[publisher].load(std::memory_order_relaxed));
  }
  return done;
}

std::int64_t Worker::fill_window(std::int64_t now) {
  auto& run = shared_.run();
  bool moved = false;
  bool full = false;
  for (std::size_t i = 0; i < senders_.size(); ++i) {
    auto& sender = *senders_[i];
    const auto share =
        plan_.window / senders_.size() + (i < plan_.window % senders_.size() ? 1 : 0);
    const auto most = static_cast<std::int64_t>(std::max<std::size_t>(1, share));
    const auto done = done_by_all(i);
    if (done == INT64_MAX) continue;  // nobody is left to wait for
    const auto before = sender.number();
    while (sender.number() - done < most && sender.can_send()) {
      const auto sending = now_ns();
      sender.put(sending, sending);
    }
    if (sender.number() != before) {
      run.published[i].store(sender.number(), std::memory_order_relaxed);
      sender.flush();
      moved = true;
    }
    full = full || sender.number() - done >= most;
  }
  if (moved || !full || has_progressed()) moved_at_ = now;
  if (now - moved_at_ > kStall) give_up_window();
  return now + kIdleTurn;
}

// A slow server takes its time for an event, but something arrives meanwhile.
bool Worker::has_progressed() {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < shared_.size(); ++i) sum += shared_.process(i).positions;
  return std::exchange(progressed_, sum) != sum;
}

void Worker::give_up_window() {
  block_.stalls.add(1);
  for (std::size_t i = 0; i < senders_.size(); ++i)
    shared_.run().written_off[i].store(senders_[i]->number(), std::memory_order_relaxed);
  for (std::size_t i = 0; i < shared_.size(); ++i) shared_.wake(i);
  moved_at_ = now_ns();
}

void Worker::tell() {
  block_.readers.set(check_.alive());
  block_.positions.set(check_.positions());
  block_.deliveries.set(reader_context_.deliveries);
  block_.caught_up.set(reader_context_.caught_up);
  block_.sent.set(sender_context_.sent);
  block_.answered.set(sender_context_.answered);
  block_.outstanding.set(sender_context_.outstanding);
  block_.late.set(sender_context_.late);
  const auto& counts = check_.counts();
  const auto& echo = sender_context_.echo_counts;
  block_.missing.set(counts.missing + echo.missing);
  block_.doubled.set(counts.doubled + echo.doubled);
  block_.out_of_order.set(counts.out_of_order + echo.out_of_order);
  block_.seq_checked.set(reader_context_.seq_checked);
  block_.seq_missing.set(reader_context_.seq_counts.missing);
  block_.seq_doubled.set(reader_context_.seq_counts.doubled);
  block_.seq_out_of_order.set(reader_context_.seq_counts.out_of_order);
  if (!is_window_shared() || readers_.empty()) return;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < plan_.senders->count; ++i) {
    check_.write_off(i, shared_.run().written_off[i].load(std::memory_order_relaxed));
    block_.done[i].store(check_.done(i), std::memory_order_relaxed);
    sum += check_.done(i);
  }
  if (std::exchange(told_done_, sum) != sum) shared_.wake(0);
}

}  // namespace indaba::bench
