// The WebSocket codec: a client's frame read, a server's frame made.
#include "ws/frame_header.hpp"
#include "ws/message_reader.hpp"
#include "ws/testing.hpp"

#include <benchmark/benchmark.h>
#include <string>

namespace indaba::ws {
namespace {

class Ignore final : public MessageHandler {
 public:
  bool on_text(std::string_view text) override { return keep(text); }
  bool on_binary(std::string_view bytes) override { return keep(bytes); }
  bool on_ping(std::string_view payload) override { return keep(payload); }
  bool on_pong(std::string_view payload) override { return keep(payload); }
  bool on_close(CloseCode, std::string_view reason) override { return keep(reason); }

 private:
  static bool keep(std::string_view bytes) {
    benchmark::DoNotOptimize(bytes.data());
    return true;
  }
};

void read_text(benchmark::State& state) {
  const std::string sent =
      testing::text(std::string(static_cast<std::size_t>(state.range(0)), 'x'));
  const ReaderSettings settings;
  MessageReader reader(settings);
  Ignore handler;
  std::string bytes;
  for (auto _ : state) {
    bytes = sent;  // it is unmasked where it lies
    benchmark::DoNotOptimize(reader.read(bytes, handler));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sent.size()));
}
BENCHMARK(read_text)->Name("codec/read_text")->Arg(64)->Arg(256)->Arg(4096);

void make_text(benchmark::State& state) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(make_frame(Opcode::text, payload));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(make_text)->Name("codec/make_text")->Arg(64)->Arg(256)->Arg(4096);

}  // namespace
}  // namespace indaba::ws
