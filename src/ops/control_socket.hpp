// The control socket: how a command reaches the server that holds the data folder.
//
// `data/control.sock` (0600), one line of JSON each way: {"command":"user.create","arguments":{…}}
// is answered with {"ok":…} or
// {"error":{"kind":…,"code":…,"detail":…}}. The server asks the kernel who is at the other end and
// serves its own user alone (and root). One connection at a time, on a thread of its own, so that a
// command may block; a client that says nothing is dropped after a few seconds.
#pragma once

#include "base/log.hpp"
#include "base/result.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace indaba::ops {

// What a command does. Runs on the control socket's thread, one at a time; may block.
using ControlHandler =
    std::function<Result<boost::json::value>(const boost::json::object& arguments)>;
using ControlHandlers = std::map<std::string, ControlHandler, std::less<>>;

class ControlServer {
 public:
  // Takes the place of a socket that a dead server left. The caller holds the data folder's lock,
  // so no living one has it.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> open(std::filesystem::path path,
                                                                   ControlHandlers handlers,
                                                                   Logger& log);
  // Waits for the command that runs, and removes the socket.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  ControlServer(int fd, int wake, std::filesystem::path path, ControlHandlers handlers,
                Logger& log);
  void run(const std::stop_token& stop);
  void serve(int connection);
  [[nodiscard]] std::string answer(std::string_view line);

  const int fd_;
  const int wake_;  // an eventfd: stop
  const std::filesystem::path path_;
  const ControlHandlers handlers_;
  Logger& log_;
  std::jthread thread_;
};

// Asks the server whose socket this is. `no_server` where none listens: the command may then do it
// by itself.
[[nodiscard]] Result<boost::json::value> ask_server(const std::filesystem::path& socket,
                                                    std::string_view command,
                                                    const boost::json::object& arguments);

}  // namespace indaba::ops
