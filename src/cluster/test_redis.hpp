// For tests: a Redis of their own, on a free port, with its files in a folder that goes with it.
// Killed, stopped and started again as a test likes, by its own process id.
#pragma once

#include "db/test_database.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace indaba::cluster {

class TestRedis {
 public:
  using Words = std::vector<std::string>;

  [[nodiscard]] static bool installed() { return ::access(kServer, X_OK) == 0; }

  // `configuration`: lines of redis.conf.
  explicit TestRedis(std::string configuration = {}, bool sentinel = false)
      : configuration_(std::move(configuration)), sentinel_(sentinel), port_(free_port()) {
    start();
  }
  ~TestRedis() { kill(); }
  TestRedis(const TestRedis&) = delete;
  TestRedis& operator=(const TestRedis&) = delete;

  void start() {
    const auto file = (folder_.path() / "redis.conf").string();
    std::ofstream(file) << fmt::format(
        "port {}\nbind 127.0.0.1\ndir {}\nunixsocket {}\nappendonly no\n{}{}\n", port_,
        folder_.path().string(), socket(), sentinel_ ? "" : "save \"\"\n", configuration_);
    Words words{kServer, file};
    if (sentinel_) words.push_back("--sentinel");
    pid_ = spawn(words);
    for (int i = 0; i < 1000 && !answers(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void pause() const { ::kill(pid_, SIGSTOP); }
  void resume() const { ::kill(pid_, SIGCONT); }

  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const { return fmt::format("redis://127.0.0.1:{}", port_); }
  [[nodiscard]] std::string socket() const { return (folder_.path() / "redis.sock").string(); }

  // What it answers, as text; the items of an array with spaces between them.
  std::string ask(const Words& words, const std::string& password = {}) const {
    const timeval timeout{.tv_sec = 5, .tv_usec = 0};
    redisContext* context = redisConnectWithTimeout("127.0.0.1", port_, timeout);
    std::string answer;
    if (context != nullptr && context->err == 0) {
      redisSetTimeout(context, timeout);
      if (!password.empty()) run(context, {"AUTH", password});
      answer = run(context, words);
    }
    if (context != nullptr) redisFree(context);
    return answer;
  }

 private:
  static constexpr const char* kServer = "/usr/bin/redis-server";

  [[nodiscard]] bool answers() const { return !ask({"PING"}).empty(); }

  static std::string run(redisContext* context, const Words& words) {
    std::vector<const char*> arguments;
    std::vector<std::size_t> sizes;
    for (const auto& word : words) {
      arguments.push_back(word.data());
      sizes.push_back(word.size());
    }
    auto* reply = static_cast<redisReply*>(
        redisCommandArgv(context, static_cast<int>(words.size()), arguments.data(), sizes.data()));
    if (reply == nullptr) return {};
    auto text = text_of(*reply);
    freeReplyObject(reply);
    return text;
  }
  static std::string text_of(const redisReply& reply) {
    if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
    if (reply.type != REDIS_REPLY_ARRAY)
      return reply.str == nullptr ? std::string() : std::string(reply.str, reply.len);
    std::string all;
    for (std::size_t i = 0; i < reply.elements; ++i)
      all += (i > 0 ? " " : "") + text_of(*reply.element[i]);
    return all;
  }

  static pid_t spawn(const Words& words) {
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const auto pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (std::freopen("/dev/null", "w", stdout) == nullptr ||
        std::freopen("/dev/null", "w", stderr) == nullptr)
      ::_exit(127);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  static int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, any, size) != 0 || ::getsockname(fd, any, &size) != 0)
      throw std::runtime_error("no free port");
    ::close(fd);
    return ntohs(address.sin_port);
  }

  db::TemporaryFolder folder_;
  const std::string configuration_;
  const bool sentinel_;
  const int port_;
  pid_t pid_ = 0;
};

}  // namespace indaba::cluster
