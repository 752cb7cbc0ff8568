#include "ops/metrics.hpp"

#include "ops/metric_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <thread>

namespace indaba::ops {
namespace {

using testing::HasSubstr;
using testing::Not;

// As its shards want it aligned, which a stack that the sanitizer makes up does not do.
struct OnHeap {
  std::unique_ptr<Metrics> owned = std::make_unique<Metrics>();
  Metrics& metrics = *owned;
};

TEST(Metrics, name_every_metric_of_the_table_before_anything_happened) {
  const auto text = OnHeap().metrics.text();
  for (const auto& known : metric_names())
    EXPECT_THAT(text, HasSubstr("# HELP " + std::string(known.name) + " ")) << known.name;
  EXPECT_THAT(text, HasSubstr("\nwebsocket_connections_active 0\n"));
  EXPECT_THAT(text, HasSubstr("\nwebsocket_message_duration_seconds_count 0\n"));
}

TEST(Metrics, count_requests_by_route_method_and_status_on_many_threads) {
  const auto on_heap = OnHeap();
  auto& metrics = on_heap.metrics;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n)
          metrics.count_request("/api/v1/me", http::Method::get, 200, Millis(3));
      });
    }
  }
  metrics.count_request("", http::Method::post, 404, Millis(2000));
  const auto text = metrics.text();
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(indaba_http_requests_total{route="/api/v1/me",method="GET",status="200"} 4000)"));
  EXPECT_THAT(
      text, HasSubstr(R"(indaba_http_requests_total{route="none",method="POST",status="404"} 1)"));
  EXPECT_THAT(text, HasSubstr("indaba_http_request_duration_seconds_count 4001\n"));
  EXPECT_THAT(text, HasSubstr("indaba_http_request_duration_seconds_bucket{le=\"0.005\"} 4000\n"));
  EXPECT_THAT(text, HasSubstr("indaba_http_request_duration_seconds_bucket{le=\"+Inf\"} 4001\n"));
}

TEST(Metrics, add_up_what_several_loops_report) {
  const auto on_heap = OnHeap();
  auto& metrics = on_heap.metrics;
  for (int loop = 0; loop < 3; ++loop) {
    metrics.add_source([](Scrape& scrape) {
      scrape.add("websocket_connections_active", 2);
      scrape.add("websocket_messages_total", 5, {{"direction", "in"}, {"type", "publish"}});
    });
  }
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("\nwebsocket_connections_active 6\n"));
  EXPECT_THAT(text, HasSubstr(R"(websocket_messages_total{type="publish",direction="in"} 15)"));
}

TEST(Metrics, take_known_types_only_as_a_label) {
  const auto on_heap = OnHeap();
  auto& metrics = on_heap.metrics;
  metrics.add_source([](Scrape& scrape) {
    scrape.add("websocket_messages_total", 1,
               {{"type", "made-up-by-a-client"}, {"direction", "in"}});
    scrape.add("websocket_messages_total", 1, {{"type", "another"}, {"direction", "in"}});
  });
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr(R"(websocket_messages_total{type="other",direction="in"} 2)"));
  EXPECT_THAT(text, Not(HasSubstr("made-up")));
}

TEST(Metrics, read_what_the_database_counts) {
  db::WriterStats stats;
  stats.queries = 7;
  stats.group_size.observe(3);
  stats.group_size.observe(1000);
  const auto on_heap = OnHeap();
  auto& metrics = on_heap.metrics;
  metrics.add_source(database_source(stats));
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("indaba_db_group_size_bucket{le=\"4\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("indaba_db_group_size_count 2\n"));
  EXPECT_THAT(text, HasSubstr("indaba_db_group_size_sum 1003\n"));
  EXPECT_THAT(text, HasSubstr("\nindaba_db_reads_total 7\n"));
}

TEST(Metrics, tell_what_the_kernel_says_of_the_process) {
  const auto on_heap = OnHeap();
  auto& metrics = on_heap.metrics;
  metrics.add_source(process_source());
  const auto text = metrics.text();
  EXPECT_THAT(text, Not(HasSubstr("\nprocess_resident_memory_bytes 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("\nprocess_threads 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("\nprocess_open_fds 0\n")));
  EXPECT_THAT(text, testing::ContainsRegex("\nprocess_start_time_seconds 1[0-9.e+]+\n"));
}

TEST(MetricsDeathTest, end_the_process_for_a_name_or_label_that_is_not_in_the_table) {
  Scrape scrape;
  EXPECT_DEATH(scrape.add("indaba_made_up", 1), "must stand in the table");
  EXPECT_DEATH(scrape.add("indaba_jobs_total", 1, {{"task", "x"}}),
               "must have its metric's labels");
  EXPECT_DEATH(scrape.add("indaba_bus_up", 1, {{"org", "acme"}}), "no other labels");
}

}  // namespace
}  // namespace indaba::ops
