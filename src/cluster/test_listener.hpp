// For tests: a listener of a bus that remembers what it heard, and waits for it.
#pragma once

#include "cluster/bus.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace indaba::cluster {

class TestListener final : public BusListener {
 public:
  struct Heard {
    std::vector<std::pair<std::string, std::string>> messages;
    std::vector<std::string> joined;
    int ups = 0;
    int downs = 0;

    [[nodiscard]] bool up() const { return ups > downs; }
    [[nodiscard]] auto times_joined(std::string_view channel) const {
      return std::ranges::count(joined, channel);
    }
    [[nodiscard]] auto count(std::string_view payload) const {
      return std::ranges::count_if(messages, [&](const auto& m) { return m.second == payload; });
    }
  };

  // Whether it came to that within the time.
  bool wait(const std::function<bool(const Heard&)>& what, int seconds = 10) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(seconds), [&] { return what(heard_); });
  }
  bool wait_up() {
    return wait([](const Heard& heard) { return heard.up(); });
  }
  bool wait_down(int seconds = 10) {
    return wait([](const Heard& heard) { return !heard.up(); }, seconds);
  }
  bool wait_joined(const std::string& channel, int times = 1) {
    return wait([&](const Heard& heard) { return heard.times_joined(channel) >= times; });
  }
  bool wait_for(const std::string& payload) {
    return wait([&](const Heard& heard) { return heard.count(payload) > 0; });
  }
  Heard heard() const {
    const std::scoped_lock lock(mutex_);
    return heard_;
  }

 private:
  void change(const std::function<void()>& how) {
    const std::scoped_lock lock(mutex_);
    how();
    changed_.notify_all();
  }
  void on_message(std::string_view channel, std::string_view payload) override {
    change([&] { heard_.messages.emplace_back(channel, payload); });
  }
  void on_joined(std::string_view channel) override {
    change([&] { heard_.joined.emplace_back(channel); });
  }
  void on_up() override {
    change([&] { ++heard_.ups; });
  }
  void on_down() override {
    change([&] { ++heard_.downs; });
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Heard heard_;
};

}  // namespace indaba::cluster
