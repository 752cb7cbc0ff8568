// For tests: a PostgreSQL of their own, started with the first test that asks for it and gone with
// the process, and a PgBouncer in transaction mode before it. Each test gets a database.
#pragma once

#include "db/pg_database.hpp"
#include "db/test_database.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <fstream>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace indaba::db {

class TestPostgres {
 public:
  // nullptr where it is not installed.
  static TestPostgres* instance() {
    static const auto one = make();
    return one.get();
  }
  static bool installed() { return ::access((kBin + "postgres").c_str(), X_OK) == 0; }
  ~TestPostgres() {
    stop(bouncer_, SIGTERM);
    stop(server_, SIGINT);
  }
  TestPostgres(const TestPostgres&) = delete;
  TestPostgres& operator=(const TestPostgres&) = delete;

  // An empty database, by its name.
  std::string create_database() {
    const auto name = fmt::format("test_{}", ++databases_);
    sql("postgres", "CREATE DATABASE " + name);
    return name;
  }
  [[nodiscard]] std::string url(const std::string& database) const { return url(database, port_); }
  [[nodiscard]] std::string url_by_bouncer(const std::string& database) {
    if (bouncer_ == 0) start_bouncer();
    return url(database, bouncer_port_);
  }
  [[nodiscard]] static std::string url(const std::string& database, int port) {
    return fmt::format("postgres://indaba@127.0.0.1:{}/{}", port, database);
  }
  [[nodiscard]] int port() const noexcept { return port_; }
  // As the superuser.
  void sql(const std::string& database, const std::string& text) const {
    const int code = run({kBin + "psql", "-q", "-X", "-h", "127.0.0.1", "-p", std::to_string(port_),
                          "-U", "indaba", "-d", database, "-c", text});
    if (code != 0) throw std::runtime_error("psql refused: " + text);
  }

 private:
  inline static const std::string kBin = "/usr/lib/postgresql/15/bin/";
  using Words = std::vector<std::string>;

  static std::unique_ptr<TestPostgres> make() {
    if (!installed()) return nullptr;
    return std::unique_ptr<TestPostgres>(new TestPostgres());
  }

  TestPostgres() : port_(free_port()), bouncer_port_(free_port()) {
    const auto data = (folder_.path() / "data").string();
    if (const auto* user = owner())
      if (::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
        throw std::runtime_error("chown");
    if (run({kBin + "initdb", "-D", data, "-U", "indaba", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "-N"}) != 0)
      throw std::runtime_error("initdb failed");
    server_ = start({kBin + "postgres", "-D", data, "-p", std::to_string(port_), "-h", "127.0.0.1",
                     "-k", "", "-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c",
                     "deadlock_timeout=100ms"});
    wait_for(port_);
  }

  void start_bouncer() {
    const auto ini = folder_.path() / "pgbouncer.ini";
    const auto users = folder_.path() / "users.txt";
    std::ofstream(users) << "\"indaba\" \"\"\n";
    std::ofstream(ini) << fmt::format(
        "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        "listen_port = {}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n"
        "pool_mode = transaction\nmax_client_conn = 200\ndefault_pool_size = 20\n",
        port_, bouncer_port_, users.string());
    bouncer_ = start({"/usr/sbin/pgbouncer", "-q", ini.string()});
    wait_for(bouncer_port_);
  }

  // PostgreSQL does not run as root.
  static const passwd* owner() { return ::getuid() == 0 ? ::getpwnam("postgres") : nullptr; }

  static pid_t start(const Words& words) {
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const auto* user = owner();
    const auto pid = ::fork();
    if (pid != 0) return pid;
    if (user != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 ||
                            ::setuid(user->pw_uid) != 0))
      ::_exit(127);
    ::prctl(PR_SET_PDEATHSIG, SIGINT);
    if (::chdir("/") != 0 || std::freopen("/dev/null", "w", stdout) == nullptr ||
        std::freopen("/dev/null", "w", stderr) == nullptr)
      ::_exit(127);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  static int run(const Words& words) {
    int status = 0;
    ::waitpid(start(words), &status, 0);
    return status;
  }
  static void stop(pid_t pid, int signal) {
    if (pid == 0) return;
    ::kill(pid, signal);
    ::waitpid(pid, nullptr, 0);
  }

  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    auto address = loopback(0);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, any, size) != 0 || ::getsockname(fd, any, &size) != 0)
      throw std::runtime_error("no free port");
    ::close(fd);
    return ntohs(address.sin_port);
  }
  void wait_for(int port) const {
    const auto ready = [&] {
      return run({kBin + "pg_isready", "-q", "-h", "127.0.0.1", "-p", std::to_string(port), "-d",
                  "postgres", "-U", "indaba"}) == 0;
    };
    for (int i = 0; i < 600 && !ready(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

  TemporaryFolder folder_;
  int port_;
  int bouncer_port_;
  pid_t server_ = 0;
  pid_t bouncer_ = 0;
  int databases_ = 0;
};

}  // namespace indaba::db
