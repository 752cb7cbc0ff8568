#include "ops/control_socket.hpp"

#include "base/json.hpp"
#include "base/json_write.hpp"
#include "ops/control_line.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace indaba::ops {

namespace {

std::string reason() {
  return std::generic_category().message(errno);
}

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof(address.sun_path))
    return Error(ErrorKind::invalid,
                 fmt::format("{} is too long a path for a socket: choose a shorter data folder",
                             path.string()));
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  return address;
}

bool is_one_of_us(int connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

boost::json::value as_json(const Error& error) {
  boost::json::object told{
      {"kind", slug(error.kind)}, {"code", error.code_or_slug()}, {"detail", error.detail}};
  // Whoever reaches this socket is the operator: an internal error has nothing else to say.
  if (error.detail.empty()) told["detail"] = error.log;
  return boost::json::object{{"error", std::move(told)}};
}

ErrorKind kind_of(std::string_view name) {
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::unavailable); ++kind)
    if (slug(static_cast<ErrorKind>(kind)) == name) return static_cast<ErrorKind>(kind);
  return ErrorKind::internal;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::open(std::filesystem::path path,
                                                           ControlHandlers handlers, Logger& log) {
  INDABA_TRY(const auto address, address_of(path));
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  // The mode of the file is set before anyone can connect: between bind and listen a connect is
  // refused.
  const bool ready =
      fd >= 0 && wake >= 0 &&
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::chmod(path.c_str(), S_IRUSR | S_IWUSR) == 0 && ::listen(fd, 8) == 0;
  if (!ready) {
    Error error(ErrorKind::unavailable,
                fmt::format("the control socket {} cannot be made: {}", path.string(), reason()));
    ::close(fd);
    ::close(wake);
    return error;
  }
  return std::unique_ptr<ControlServer>(
      new ControlServer(fd, wake, std::move(path), std::move(handlers), log));
}

ControlServer::ControlServer(int fd, int wake, std::filesystem::path path, ControlHandlers handlers,
                             Logger& log)
    : fd_(fd), wake_(wake), path_(std::move(path)), handlers_(std::move(handlers)), log_(log) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ControlServer::~ControlServer() {
  thread_.request_stop();
  ::eventfd_write(wake_, 1);
  thread_.join();
  ::unlink(path_.c_str());
  ::close(fd_);
  ::close(wake_);
}

void ControlServer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> waiting{{{fd_, POLLIN, 0}, {wake_, POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    if ((waiting[0].revents & POLLIN) == 0) continue;
    const int connection = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    serve(connection);
    ::close(connection);
  }
}

void ControlServer::serve(int connection) {
  if (!is_one_of_us(connection)) {
    log_.warn("control", "refused a command of another user");
    return;
  }
  if (const auto line = read_line(connection, kControlPatience))
    write_line(connection, answer(*line), kControlPatience);
}

std::string ControlServer::answer(std::string_view line) {
  const auto request = json::parse(line);
  const auto* object = request ? request->if_object() : nullptr;
  const auto* command = object == nullptr ? nullptr : object->if_contains("command");
  if (command == nullptr || !command->is_string())
    return json::to_text(as_json(Error(ErrorKind::malformed, "This is no command.")));
  const std::string name(command->as_string());
  const auto handler = handlers_.find(name);
  if (handler == handlers_.end())
    return json::to_text(
        as_json(Error(ErrorKind::unsupported,
                      "The running server does not know this command; is it another version?")));

  const auto* arguments = object->if_contains("arguments");
  auto outcome = [&]() -> Result<boost::json::value> {
    try {
      return handler->second(arguments != nullptr && arguments->is_object()
                                 ? arguments->as_object()
                                 : boost::json::object());
    } catch (const std::exception& error) {
      return Error::internal(error.what());
    }
  }();
  log_.info("control", "ran a command", {{"command", name}, {"ok", outcome.has_value()}});
  if (!outcome) return json::to_text(as_json(outcome.error()));
  return json::to_text(boost::json::object{{"ok", *std::move(outcome)}});
}

Result<boost::json::value> ask_server(const std::filesystem::path& socket, std::string_view command,
                                      const boost::json::object& arguments) {
  INDABA_TRY(const auto address, address_of(socket));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error::internal("socket: " + reason());
  const std::unique_ptr<const int, void (*)(const int*)> closer(
      &fd, [](const int* open) { ::close(*open); });
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED)
      return Error(ErrorKind::not_found, "no_server", "no server runs on this data folder");
    return Error(ErrorKind::forbidden,
                 fmt::format("{} cannot be reached: {}", socket.string(), reason()));
  }
  const auto request =
      json::to_text(boost::json::object{{"command", command}, {"arguments", arguments}});
  const auto line =
      write_line(fd, request, kControlPatience) ? read_line(fd, kCommandPatience) : std::nullopt;
  if (!line) return Error(ErrorKind::unavailable, "the running server did not answer");
  INDABA_TRY(const auto response, json::parse(*line));
  const auto* object = response.if_object();
  if (object == nullptr)
    return Error(ErrorKind::internal, "the running server's answer makes no sense");
  if (const auto* result = object->if_contains("ok")) return *result;
  const auto* told = object->if_contains("error");
  if (told == nullptr || !told->is_object())
    return Error(ErrorKind::internal, "the running server's answer makes no sense");
  const auto text = [&](std::string_view name) {
    const auto* value = told->as_object().if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  return Error(kind_of(text("kind")), text("code"), text("detail"));
}

}  // namespace indaba::ops
