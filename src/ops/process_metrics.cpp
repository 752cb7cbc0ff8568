// process_*: what the kernel says of this process (proc(5)).
#include "ops/metrics.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace indaba::ops {

namespace {

std::string read_all(const char* path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// The fields of /proc/self/stat behind the command, which may hold spaces: field(3) is the state,
// as proc(5) counts.
class Stat {
 public:
  Stat() : line_(read_all("/proc/self/stat")) {
    auto at = line_.rfind(')');
    while (at != std::string::npos) {
      const auto start = line_.find_first_not_of(' ', at + 1);
      if (start == std::string::npos) break;
      at = line_.find(' ', start);
      fields_.push_back(std::string_view(line_).substr(start, at - start));
    }
  }
  [[nodiscard]] double number(std::size_t field) const {
    const auto index = field - 3;
    double value = 0;
    if (index < fields_.size())
      std::from_chars(fields_[index].data(), fields_[index].data() + fields_[index].size(), value);
    return value;
  }

 private:
  std::string line_;
  std::vector<std::string_view> fields_;
};

double boot_time() {
  std::ifstream in("/proc/stat");
  std::string word;
  double seconds = 0;
  while (in >> word) {
    if (word == "btime") {
      in >> seconds;
      break;
    }
  }
  return seconds;
}

double open_descriptors() {
  std::error_code failed;
  double count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", failed);
       !failed && it != std::filesystem::directory_iterator(); it.increment(failed))
    ++count;
  return count > 0 ? count - 1 : 0;  // without the one that reads the folder
}

}  // namespace

Metrics::Source process_source() {
  return [boot = boot_time()](Scrape& scrape) {
    const Stat stat;
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    scrape.add("process_cpu_seconds_total", (stat.number(14) + stat.number(15)) / ticks);
    scrape.add("process_threads", stat.number(20));
    scrape.add("process_start_time_seconds", boot + stat.number(22) / ticks);
    scrape.add("process_virtual_memory_bytes", stat.number(23));
    scrape.add("process_resident_memory_bytes", stat.number(24) * page);
    scrape.add("process_open_fds", open_descriptors());
    scrape.add("process_max_fds", static_cast<double>(descriptors.rlim_cur));
  };
}

}  // namespace indaba::ops
