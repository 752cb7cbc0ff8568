// A WebSocket server that does nothing but pass events on: what is left when everything that makes
// Indaba useful is taken away.
//
// One thread, level-triggered epoll. A connection whose path is /pub publishes: each text frame
// that it sends goes to every reader. One whose path is /echo gets back what it sends. Every other
// connection is a reader. Nobody is authenticated and nothing is kept, but for what a slow reader's
// socket does not take at once. Invariant: a reader gets every event whole and in order, or is
// closed (more than kBacklogBytes behind).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flush.hpp"

namespace limit {

enum class Joining : std::uint8_t {
  kEvent,  // a send a reader and event
  kTick,   // a send a reader and tick: all events that arrived together go together
};

class Server {
 public:
  Server(std::unique_ptr<Flusher> flusher, Joining joining);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Binds to 127.0.0.1; port 0 picks one. Returns the port, or 0 with errno set.
  std::uint16_t listen(std::uint16_t port);

  // Serves until `stop_fd` becomes readable.
  void run(int stop_fd);

 private:
  enum class Role : std::uint8_t { kNone, kHandshake, kReader, kPublisher, kEcho };
  // What only few connections have at a time: half of a frame that came in, and what the socket did
  // not take.
  struct Buffers {
    std::string in;
    std::string out;
  };
  struct Connection {
    Role role = Role::kNone;
    bool behind = false;      // a reader that is in behind_, not in readers_
    std::uint32_t place = 0;  // there
    std::unique_ptr<Buffers> buffers;
  };

  void accept_all();
  void read(int fd);
  // How many of the bytes were understood; the rest is to come again with more.
  std::size_t take(int fd, char* data, std::size_t size);
  std::size_t shake_hands(int fd, std::string_view text);
  void on_frame(int fd, std::string_view payload, std::uint8_t opcode);
  void publish(std::string_view payload);
  void flush();
  void send(int fd, std::string_view bytes);
  void keep(int fd, std::string_view rest);
  void write_backlog(int fd);
  void add_reader(int fd, bool behind);
  void remove_reader(int fd);
  void close(int fd);
  void watch(int fd, std::uint32_t events, int operation) const;
  Buffers& buffers(int fd);

  std::unique_ptr<Flusher> flusher_;
  Joining joining_;
  int epoll_ = -1;
  int listener_ = -1;
  std::vector<Connection> connections_;  // by descriptor
  std::vector<int> readers_;             // those that took all so far; dense, in no order
  std::vector<int> behind_;              // those that wait for their socket
  std::vector<Flusher::Partly> partly_;  // of one flush; here to be allocated once
  std::string joined_;                   // the frames of this tick
  std::vector<char> input_;              // one for all connections
};

}  // namespace limit
