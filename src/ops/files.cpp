#include "ops/files.hpp"

#include "base/check.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

namespace indaba::ops {

namespace {

struct Descriptor {
  explicit Descriptor(int opened) : fd(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

Error failed(std::string_view doing, const std::filesystem::path& file) {
  Error error(ErrorKind::unavailable,
              fmt::format("{} cannot be {}: {}.", file.string(), doing, std::strerror(errno)));
  error.log = error.detail;
  return error;
}

constexpr std::size_t kPiece = 256 * 1024;

template <class Take>
Result<void> read_all(const std::filesystem::path& file, Take take) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.fd < 0) return failed("read", file);
  std::vector<char> piece(kPiece);
  for (;;) {
    const auto n = ::read(in.fd, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", file);
    if (n == 0) return {};
    INDABA_TRY_VOID(take(std::string_view(piece.data(), static_cast<std::size_t>(n))));
  }
}

Result<void> write_all(int fd, const std::filesystem::path& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("written", file);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> sync_path(const std::filesystem::path& path, int flags) {
  const Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (opened.fd < 0 || ::fsync(opened.fd) != 0) return failed("synced", path);
  return {};
}

constexpr int kNew = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;

}  // namespace

Result<void> sync_file(const std::filesystem::path& file) {
  return sync_path(file, 0);
}

Result<void> sync_folder_of(const std::filesystem::path& file) {
  const auto folder = file.parent_path();
  return sync_path(folder.empty() ? std::filesystem::path(".") : folder, O_DIRECTORY);
}

std::filesystem::path with_suffix(const std::filesystem::path& file, std::string_view suffix) {
  return file.string() + std::string(suffix);
}

Result<void> rename_durably(const std::filesystem::path& from, const std::filesystem::path& to,
                            bool replace) {
  const unsigned flags = replace ? 0U : static_cast<unsigned>(RENAME_NOREPLACE);
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) != 0)
    return failed("put in place", to);
  return sync_folder_of(to);
}

Result<void> write_durably(const std::filesystem::path& file, std::string_view text) {
  const Descriptor out(::open(file.c_str(), kNew, 0600));
  if (out.fd < 0) return failed("written", file);
  INDABA_TRY_VOID(write_all(out.fd, file, text));
  if (::fsync(out.fd) != 0) return failed("synced", file);
  return {};
}

Result<void> copy_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  const Descriptor out(::open(to.c_str(), kNew, 0600));
  if (out.fd < 0) return failed("written", to);
  INDABA_TRY_VOID(
      read_all(from, [&](std::string_view piece) { return write_all(out.fd, to, piece); }));
  if (::fsync(out.fd) != 0) return failed("synced", to);
  return {};
}

Result<std::string> read_small(const std::filesystem::path& file) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(4096, '\0');
  const auto n = in.fd < 0 ? -1 : ::pread(in.fd, text.data(), text.size(), 0);
  if (n < 0) return failed("read", file);
  text.resize(static_cast<std::size_t>(n));
  return text;
}

Result<std::string> sha256_of(const std::filesystem::path& file) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(),
                                                                     &EVP_MD_CTX_free);
  check(hash && EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) == 1,
        "SHA-256 is always there");
  INDABA_TRY_VOID(read_all(file, [&](std::string_view piece) -> Result<void> {
    check(EVP_DigestUpdate(hash.get(), piece.data(), piece.size()) == 1, "hashing cannot fail");
    return {};
  }));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(hash.get(), digest.data(), &size) == 1, "hashing cannot fail");
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace indaba::ops
