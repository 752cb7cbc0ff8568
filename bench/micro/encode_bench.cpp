// An event to the flat JSON object that readers see; done once an event, name and format, not once
// a reader.
#include "stream/rendering.hpp"

#include <benchmark/benchmark.h>
#include <string>

namespace indaba::stream {
namespace {

void encode(benchmark::State& state) {
  const std::string data(static_cast<std::size_t>(state.range(0)), 'x');
  const Event event{StreamId(1), Seq(123'456), WallTime(Millis(1'768'210'200'123)), "tick",
                    ",\"data\":{\"text\":\"" + data + "\"}"};
  for (auto _ : state) benchmark::DoNotOptimize(to_json(event, "orgs/acme/topics/prices"));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(encode)->Name("encode/event")->Arg(64)->Arg(256)->Arg(4096);

}  // namespace
}  // namespace indaba::stream
