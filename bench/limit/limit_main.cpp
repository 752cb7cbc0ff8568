// bench_limit: the bare server that Indaba and its peers are compared with. See server.hpp.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include <sys/resource.h>
#include <sys/signalfd.h>

#include "flush.hpp"
#include "server.hpp"

namespace {

struct Options {
  std::string_view mode = "coalesce";
  std::uint16_t port = 0;
};

bool parse(int count, char** words, Options& options) {
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = words[i];
    if (i + 1 == count) return false;
    if (name == "--mode") {
      options.mode = words[i + 1];
    } else if (name == "--port") {
      options.port = static_cast<std::uint16_t>(std::atoi(words[i + 1]));
    } else {
      return false;
    }
  }
  return options.mode == "send" || options.mode == "coalesce" || options.mode == "uring";
}

int stop_descriptor() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return ::signalfd(-1, &signals, SFD_CLOEXEC);
}

void allow_many_descriptors() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int main(int count, char** words) {
  Options options;
  if (!parse(count, words, options)) {
    std::fputs("use: bench_limit [--mode send|coalesce|uring] [--port N]\n", stderr);
    return 2;
  }
  allow_many_descriptors();
  auto flusher = options.mode == "uring" ? limit::make_uring_flusher() : limit::make_send_flusher();
  if (!flusher) {
    std::fputs("bench_limit: this kernel has no io_uring, or forbids it\n", stderr);
    return 1;
  }
  limit::Server server(std::move(flusher),
                       options.mode == "send" ? limit::Joining::kEvent : limit::Joining::kTick);
  const int stop = stop_descriptor();
  const unsigned port = server.listen(options.port);
  if (port == 0) {
    std::perror("bench_limit: listen");
    return 1;
  }
  std::printf("listening on ws://127.0.0.1:%u\n", port);
  std::fflush(stdout);
  server.run(stop);
  return 0;
}
