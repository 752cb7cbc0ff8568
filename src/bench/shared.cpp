#include "bench/shared.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace indaba::bench {

namespace {

static_assert(std::atomic<std::int64_t>::is_always_lock_free, "locks do not work across processes");

constexpr std::size_t kPage = 4096;

}  // namespace

void ErrorTable::add(std::string_view what) noexcept {
  auto used = static_cast<std::size_t>(std::uint64_t{used_});
  for (std::size_t i = 0; i < used; ++i)
    if (slots_[i].what.data() == what) return slots_[i].count.add(1);
  if (used == slots_.size()) return slots_.back().count.add(1);
  auto& slot = slots_[used];
  what = used + 1 == slots_.size() ? "other" : what.substr(0, slot.what.size() - 1);
  std::ranges::copy(what, slot.what.begin());
  slot.count.add(1);
  used_.add(1);
}

std::vector<ErrorTable::Entry> ErrorTable::entries() const {
  std::vector<Entry> all;
  for (std::size_t i = 0; i < used_; ++i) all.push_back({slots_[i].what.data(), slots_[i].count});
  return all;
}

SharedRun::SharedRun(std::size_t processes)
    : bytes_(kPage + processes * sizeof(ProcessBlock)),
      memory_(::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
  static_assert(sizeof(RunBlock) <= kPage);
  if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  run_ = new (memory_) RunBlock;
  processes_ = new (static_cast<char*>(memory_) + kPage) ProcessBlock[processes];
  for (std::size_t i = 0; i < processes; ++i) {
    wakers_.push_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (wakers_.back() < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
}

SharedRun::~SharedRun() {
  for (const int fd : wakers_) ::close(fd);
  ::munmap(memory_, bytes_);
}

void SharedRun::wake(std::size_t process) noexcept {
  const std::uint64_t one = 1;
  // Full means that it has not looked yet: it will.
  [[maybe_unused]] const auto written = ::write(wakers_[process], &one, sizeof one);
}

void SharedRun::enter(Phase phase, std::int64_t now) noexcept {
  run_->phase_began.store(now, std::memory_order_relaxed);
  run_->phase.store(phase, std::memory_order_release);
  for (std::size_t i = 0; i < wakers_.size(); ++i) wake(i);
}

}  // namespace indaba::bench
