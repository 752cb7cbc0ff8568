#include "db/process_lock.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace indaba::db {

namespace {

constexpr Millis kPollInterval{20};

Error cannot_use(std::string sentence, std::string code = "data_folder_unusable") {
  Error error(ErrorKind::unavailable, std::move(code), std::move(sentence));
  error.log = error.detail;
  return error;
}

std::string holder(int fd) {
  std::array<char, 32> text{};
  const auto n = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string_view pid(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  pid = pid.substr(0, pid.find('\n'));
  return pid.empty() ? "another process" : fmt::format("process {}", pid);
}

void write_pid(int fd) {
  const auto text = fmt::format("{}\n", ::getpid());
  // Only a hint for people: that it could not be written must not stop a start on a full disk.
  if (::ftruncate(fd, 0) == 0) [[maybe_unused]]
    const auto n = ::pwrite(fd, text.data(), text.size(), 0);
}

}  // namespace

Result<ProcessLock> ProcessLock::acquire(const std::filesystem::path& folder,
                                         const KeepWaiting& keep_waiting) {
  std::error_code failure;
  if (!std::filesystem::exists(folder, failure)) {
    std::filesystem::create_directories(folder, failure);
    if (failure)
      return cannot_use(
          fmt::format("The data folder {} cannot be made: {}. Name another with --data.",
                      folder.string(), failure.message()));
    ::chmod(folder.c_str(), 0700);
  }
  const auto path = folder / "indaba.lock";
  ProcessLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.held())
    return cannot_use(
        fmt::format("The data folder {} is not writable ({}). Make it belong to the user that runs "
                    "indaba, or name another with --data.",
                    folder.string(), std::strerror(errno)));

  while (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return cannot_use(
          fmt::format("{} cannot be locked: {}.", path.string(), std::strerror(errno)));
    if (!keep_waiting || !keep_waiting())
      return cannot_use(
          fmt::format(
              "The data folder {} is in use by {}. Stop it first; `indaba serve --takeover` "
              "waits for its end.",
              folder.string(), holder(lock.fd_)),
          "data_folder_in_use");
    std::this_thread::sleep_for(kPollInterval);
  }
  write_pid(lock.fd_);
  return lock;
}

void ProcessLock::release() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace indaba::db
