// ProcessLock: which process owns a data folder. Held from start to end of the owner; gone with it,
// however it ends.
//
// A lock of the file system on `indaba.lock`, not the file's existence: a file that a killed
// process left behind locks nothing.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <functional>

namespace indaba::db {

class ProcessLock {
 public:
  // Asked every few milliseconds while another process holds the folder; false ends the wait.
  using KeepWaiting = std::function<bool()>;
  // Waits for another holder to go (a takeover) as long as it is told to, and otherwise refuses
  // with a sentence that names it. Makes the folder (0700) where it is missing.
  [[nodiscard]] static Result<ProcessLock> acquire(const std::filesystem::path& folder,
                                                   const KeepWaiting& keep_waiting = {});
  ProcessLock(ProcessLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ProcessLock& operator=(ProcessLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~ProcessLock() { release(); }

  void release() noexcept;
  [[nodiscard]] bool held() const noexcept { return fd_ >= 0; }

 private:
  explicit ProcessLock(int fd) noexcept : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace indaba::db
