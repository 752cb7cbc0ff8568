#include "bench/processes.hpp"

#include "bench/poller.hpp"
#include "bench/worker.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace indaba::bench {

namespace {

// Standard streams, epoll, wakers and what libraries hold.
constexpr std::size_t kOwnDescriptors = 100;

void tell_failure(ProcessBlock& block, std::string_view why) {
  std::ranges::copy(why.substr(0, block.failure.size() - 1), block.failure.begin());
  block.has_failure.store(true, std::memory_order_release);
}

// The whole life of a client process.
[[noreturn]] void live(const Plan& plan, SharedRun& shared, std::size_t process, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  if (::getppid() != parent) ::_exit(1);
  std::signal(SIGINT, SIG_IGN);  // the parent ends us
  int code = 0;
  try {
    Worker(plan, shared, process).run();
  } catch (const std::exception& error) {
    tell_failure(shared.process(process), error.what());
    code = 1;
  }
  ::_exit(code);
}

}  // namespace

Result<void> make_room_for_descriptors(const Plan& plan) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < plan.options.processes; ++i)
    most = std::max(most, plan.readers_of(i) + plan.senders_of(i) + kOwnDescriptors);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (most <= limit.rlim_max) return {};
  return Error(
      ErrorKind::unavailable,
      fmt::format("a process may have {} descriptors here and would need {}: spread the "
                  "connections with --processes {}, or raise the hard limit (ulimit -Hn)",
                  limit.rlim_max, most, plan.options.processes * most / limit.rlim_max + 1));
}

Processes::~Processes() {
  for (std::size_t i = 0; i < pids_.size(); ++i) {
    if (ended_[i]) continue;
    ::kill(pids_[i], SIGKILL);
    ::waitpid(pids_[i], nullptr, 0);
  }
}

Result<void> Processes::start(const Plan& plan) {
  const auto parent = ::getpid();
  for (std::size_t i = 0; i < plan.options.processes; ++i) {
    const auto pid = ::fork();
    if (pid == 0) live(plan, shared_, i, parent);
    if (pid < 0)
      return Error(ErrorKind::unavailable,
                   fmt::format("cannot make a process: {}", std::strerror(errno)));
    pids_.push_back(pid);
    ended_.push_back(false);
  }
  return {};
}

Error Processes::failure_of(std::size_t process) const {
  const auto& block = shared_.process(process);
  if (block.has_failure.load(std::memory_order_acquire))
    return Error::internal(fmt::format("a client process gave up: {}", block.failure.data()));
  return Error::internal("a client process ended before its time");
}

Result<void> Processes::check() {
  for (std::size_t i = 0; i < pids_.size(); ++i) {
    int status = 0;
    if (ended_[i] || ::waitpid(pids_[i], &status, WNOHANG) != pids_[i]) continue;
    ended_[i] = true;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
        shared_.run().phase.load(std::memory_order_relaxed) != Phase::end)
      return failure_of(i);
  }
  return {};
}

Result<void> Processes::wait(double seconds) {
  const auto until = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  while (std::ranges::count(ended_, false) > 0) {
    INDABA_TRY_VOID(check());
    if (now_ns() > until) return Error::internal("a client process does not end");
    ::usleep(1000);
  }
  return {};
}

}  // namespace indaba::bench
