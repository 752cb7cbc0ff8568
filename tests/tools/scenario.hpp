// One run: readers in groups subscribe, publishers publish for a time, then all read at full speed
// until everyone has everything.
#pragma once

#include "bench/wire.hpp"
#include "publisher.hpp"
#include "reader.hpp"
#include "report.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace indaba::loadtool {

struct GroupOptions {
  std::string name;
  std::uint64_t readers = 0;
  std::int64_t rate = Reader::kFull;  // bytes a second; 0 stops reading
  int receive_buffer = 0;
};

struct Options {
  std::uint16_t port = 0;
  std::string token;
  PublisherOptions publishing;
  std::vector<GroupOptions> groups;
  std::uint64_t publishers = 1;
  bool by_http = false;
  double rate = 0;  // events a second over all publishers; 0 is as fast as they are answered
  double seconds = 5;
  double warm_up_seconds = 0;        // not measured
  double finish_seconds = 60;        // at most, until everyone has everything
  double reconnects_per_second = 0;  // of random readers, by pulling the cable
  std::uint64_t seed = 1;
  int server_pid = 0;
};

class Scenario {
 public:
  explicit Scenario(Options options);
  boost::json::object run();

 private:
  void connect();
  void publish(double seconds);
  void catch_up();
  void wait(std::int64_t nanoseconds);
  void take_turns(std::int64_t now);
  [[nodiscard]] bench::Endpoint endpoint(bench::Protocol protocol, int receive_buffer) const;
  [[nodiscard]] double cpu_seconds() const;
  [[nodiscard]] std::uint64_t rss_bytes() const;
  [[nodiscard]] std::uint64_t deliveries() const;

  Options options_;
  bench::Poller poller_;
  bench::ReadBuffer buffer_;
  std::deque<bench::Endpoint> endpoints_;
  std::deque<bench::Wire> wires_;  // of each group, and of the publishers
  Published published_;
  std::deque<Group> groups_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::size_t> group_of_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::uint64_t rss_peak_ = 0;
  std::int64_t turned_at_ = bench::now_ns();
  std::size_t next_turn_ = 0;
  double due_turns_ = 0;
};

}  // namespace indaba::loadtool
