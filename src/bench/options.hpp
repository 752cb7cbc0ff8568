// What a run is to do, as the command line says it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::bench {

enum class Mode : std::uint8_t { fanout, idle, storm, echo, publish, reconnect };

[[nodiscard]] std::string_view name_of(Mode mode) noexcept;

struct Options {
  Mode mode = Mode::fanout;
  std::string url;
  std::size_t connections = 100;
  std::size_t processes = 1;
  std::size_t sources = 0;   // loopback addresses to connect from; 0: as many as ports need
  std::size_t parallel = 0;  // connections being opened at once; 0: as fits the mode
  std::vector<std::string> headers;
  std::string token;
  std::vector<std::string> sends;  // frames that each connection sends once it is open
  std::string await;               // a connection is ready when a message contains it
  bool compress = false;
  double seconds = 10;
  double warm_up = 1;
  double timeout = 30;  // how long nothing may happen where something is awaited
  std::size_t payload = 256;
  std::vector<int> server_pids;
  bool json = false;
  bool quiet = false;

  std::string publish_url;
  std::vector<std::string> publish_headers;
  std::vector<std::string> publish_sends;
  std::string publish_await;
  std::string publish_answer;  // fanout: what the answer to an event contains; empty: not awaited
  std::string publish;         // template
  std::size_t publishers = 1;
  std::size_t window = 0;  // 0: one, or as many as a rate needs
  double rate = 0;         // events (storm: connections) a second; 0: as fast as the window allows
  bool seq = false;
  std::string stream;
  std::size_t missed = 10;  // reconnect: events published while everyone is gone
};

}  // namespace indaba::bench
