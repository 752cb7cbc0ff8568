#include "ops/metric_names.hpp"

#include <algorithm>
#include <array>

namespace indaba::ops {

namespace {

using enum MetricKind;

constexpr auto kNames = std::to_array<MetricName>({
    {"websocket_connections_total", counter, "Sockets opened since the start."},
    {"websocket_connections_active", gauge, "Sockets open now."},
    {"websocket_messages_total", counter, "Frames by type and direction (in, out).",
     "type,direction"},
    {"websocket_errors_total", counter, "Error frames and closes by the server, by type and code.",
     "type,code"},
    {"websocket_message_duration_seconds", histogram, "From a frame's arrival to its answer."},
    {"app_startup_time_seconds", gauge, "From the start of the process to ready."},
    {"app_shutdown_time_seconds", gauge,
     "How long the shutdown that is under way has taken so far."},
    {"indaba_http_requests_total", counter, "Requests answered.", "route,method,status"},
    {"indaba_http_request_duration_seconds", histogram,
     "From a request's last byte to its answer."},
    {"indaba_events_published_total", counter,
     "Events published: durable ones committed, ephemeral ones sent.", "kind"},
    {"indaba_events_delivered_total", counter, "Events handed to connections."},
    {"indaba_publish_to_delivery_seconds", histogram,
     "From an event's commit to its way into a connection's queue."},
    {"indaba_catchup_events_total", counter,
     "Events delivered from behind the head, from memory (tail) or the database (store).",
     "source"},
    {"indaba_outbox_bytes", gauge,
     "Bytes that wait in all connections' queues because their readers do not take them."},
    {"indaba_slow_consumers_total", counter, "How often a live reader fell back to catching up."},
    {"indaba_db_commit_seconds", histogram, "How long a commit took."},
    {"indaba_db_group_size", histogram, "Changes in one commit."},
    {"indaba_db_reads_total", counter, "Queries that were put to the database."},
    {"indaba_bus_lag_events", gauge,
     "Events that the last comparison with the log found and no other node had told of."},
    {"indaba_bus_up", gauge, "1 while the bus between nodes works."},
    {"indaba_bus_messages_total", counter, "Messages between nodes.", "outcome"},
    {"indaba_nodes", gauge, "Nodes that this one hears, itself among them."},
    {"indaba_access_known", gauge,
     "1 while it is known whose access has ended; else nothing is delivered."},
    {"indaba_jobs_total", counter, "Jobs ended.", "task,outcome"},
    {"indaba_job_duration_seconds", histogram, "How long a job ran."},
    {"indaba_jobs_queued", gauge, "Jobs that are due and wait, in the whole queue."},
    {"indaba_jobs_running", gauge, "Jobs that this process runs."},
    {"indaba_jobs_failed", gauge, "Jobs that were given up and are kept, in the whole queue."},
    {"indaba_jobs_oldest_seconds", gauge,
     "How long the job that is due for the longest has waited."},
    {"indaba_push_total", counter, "Push messages by kind and outcome.", "kind,outcome"},
    {"indaba_presence_users", gauge, "Users that are online."},
    {"indaba_bridge_up", gauge, "1 while Django's channel layer can be reached."},
    {"indaba_bridge_leading", gauge, "1 on the node that keeps what Django says."},
    {"indaba_bridge_groups", gauge, "Groups that a layer of the kind core follows by name."},
    {"indaba_bridge_groups_left_out", gauge, "Groups beyond what it can follow: not heard."},
    {"indaba_bridge_messages_total", counter, "Messages between Django's groups and streams.",
     "outcome"},
    {"indaba_celery_up", gauge, "1 while Celery's broker can be reached."},
    {"indaba_celery_tasks_total", counter, "Tasks from Celery, by what became of them.", "outcome"},
    {"indaba_celery_tasks_running", gauge, "Tasks from Celery that run now."},
    {"indaba_celery_tasks_abandoned", gauge,
     "Tasks from Celery that were given up, and still run."},
    {"indaba_presence_changes_total", counter, "How often somebody came online or went."},
    {"indaba_presence_frames_total", counter, "Frames that told so, one a stream and second."},
    {"indaba_loop_lag_seconds", gauge, "How long the longest recent tick of an event loop took.",
     "loop"},
    {"indaba_handshakes_rejected_total", counter, "Sockets refused before they opened.", "reason"},
    {"process_cpu_seconds_total", counter, "User and system time."},
    {"process_open_fds", gauge, "Open descriptors."},
    {"process_max_fds", gauge, "The limit on them."},
    {"process_virtual_memory_bytes", gauge, "Virtual memory."},
    {"process_resident_memory_bytes", gauge, "Resident memory."},
    {"process_start_time_seconds", gauge, "When the process started, as Unix time."},
    {"process_threads", gauge, "Threads."},
});

constexpr auto kFrameTypes = std::to_array<std::string_view>({"ack",
                                                              "auth",
                                                              "delete",
                                                              "delivery_receipt",
                                                              "edit",
                                                              "error",
                                                              "goodbye",
                                                              "heartbeat",
                                                              "message",
                                                              "message_sent",
                                                              "ok",
                                                              "ping",
                                                              "pong",
                                                              "presence",
                                                              "presence_state",
                                                              "publish",
                                                              "published",
                                                              "react",
                                                              "read_receipt",
                                                              "reset",
                                                              "subscribe",
                                                              "subscribed",
                                                              "task_event",
                                                              "typing",
                                                              "unsubscribe",
                                                              "unsubscribed",
                                                              "welcome",
                                                              "event",
                                                              "close",
                                                              "handshake"});

}  // namespace

std::span<const MetricName> metric_names() noexcept {
  return kNames;
}

std::string_view known_type(std::string_view type) noexcept {
  const auto found = std::ranges::find(kFrameTypes, type);
  return found == kFrameTypes.end() ? "other" : *found;
}

}  // namespace indaba::ops
