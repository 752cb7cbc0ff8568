#include "bench/progress.hpp"

#include "bench/poller.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

namespace indaba::bench {

namespace {

constexpr std::int64_t kEvery = 200'000'000;

void write_line(std::string_view text) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

// What a person can do about it.
std::string_view advice(std::string_view error) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kAdvice{{
      {"ECONNREFUSED", "nothing listens there"},
      {"EADDRNOTAVAIL", "ports are used up: more --sources"},
      {"EMFILE", "too many descriptors: more --processes, or raise ulimit -n"},
      {"ECONNRESET", "the server reset the connection"},
      {"ETIMEDOUT", "no answer from the network"},
      {"timeout", "not ready in time: is --await right?"},
      {"ended", "the server ended the connection without a word"},
      {"bad_accept", "the server's Sec-WebSocket-Accept is wrong"},
      {"context_takeover", "--compress needs server_no_context_takeover"},
      {"http_401", "the server wants a token: --token or --header"},
      {"http_403", "the server refuses this caller or origin"},
      {"http_404", "the server knows no such path"},
      {"closed_4001", "not authenticated: --token"},
      {"closed_4004", "no such stream, or none for this user"},
  }};
  const auto* const found =
      std::ranges::find(kAdvice, error, &std::pair<std::string_view, std::string_view>::first);
  return found == kAdvice.end() ? std::string_view() : found->second;
}

}  // namespace

Totals total(SharedRun& shared) {
  Totals sum;
  for (std::size_t i = 0; i < shared.size(); ++i) {
    const auto& block = shared.process(i);
    sum.ready += block.ready;
    sum.failed += block.failed;
    sum.lost += block.lost;
    sum.readers += block.readers;
    sum.sent += block.sent;
    sum.answered += block.answered;
    sum.outstanding += block.outstanding;
    sum.late += block.late;
    sum.stalls += block.stalls;
    sum.deliveries += block.deliveries;
    sum.positions += block.positions;
    sum.caught_up += block.caught_up;
    sum.missing += block.missing;
    sum.doubled += block.doubled;
    sum.out_of_order += block.out_of_order;
    sum.seq_checked += block.seq_checked;
    sum.seq_missing += block.seq_missing;
    sum.seq_doubled += block.seq_doubled;
    sum.seq_out_of_order += block.seq_out_of_order;
    sum.last_ready = std::max(sum.last_ready, block.last_ready.load(std::memory_order_relaxed));
    sum.last_caught_up =
        std::max(sum.last_caught_up, block.last_caught_up.load(std::memory_order_relaxed));
  }
  return sum;
}

std::map<std::string, std::uint64_t> errors_of(SharedRun& shared) {
  std::map<std::string, std::uint64_t> all;
  for (std::size_t i = 0; i < shared.size(); ++i)
    for (const auto& entry : shared.process(i).errors.entries()) all[entry.what] += entry.count;
  return all;
}

std::string describe_errors(const std::map<std::string, std::uint64_t>& errors) {
  std::string text;
  for (const auto& [what, count] : errors) {
    text += fmt::format("{}{} × {}", text.empty() ? "" : ", ", count, what);
    if (const auto told = advice(what); !told.empty()) text += fmt::format(" ({})", told);
  }
  return text.empty() ? "nothing came in time" : text;
}

void Progress::show(SharedRun& shared) {
  const auto now = now_ns();
  if (!on_ || now - shown_at_ < kEvery) return;
  if (began_ == 0) began_ = now;
  const auto totals = total(shared);
  const auto counted = plan_.readers ? totals.deliveries : totals.answered;
  const auto rate = static_cast<double>(counted - std::exchange(counted_, counted)) * 1e9 /
                    static_cast<double>(now - std::exchange(shown_at_, now));
  auto line = fmt::format("\r{} {:4.0f} s  {}/{} connected", name_of(plan_.options.mode),
                          static_cast<double>(now - began_) / 1e9,
                          totals.ready - std::min(totals.ready, totals.lost), plan_.connections());
  if (totals.failed + totals.lost > 0)
    line += fmt::format(", {} failed, {} lost", totals.failed, totals.lost);
  if (counted > 0)
    line +=
        fmt::format("  {:.0f} {}/s", shown_ ? rate : 0, plan_.readers ? "deliveries" : "answers");
  write_line(line + "\x1b[K");
  shown_ = true;
}

void Progress::clear() {
  if (std::exchange(shown_, false)) write_line("\r\x1b[K");
}

}  // namespace indaba::bench
