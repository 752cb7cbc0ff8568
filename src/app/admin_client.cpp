#include "app/admin_client.hpp"

#include "app/admin.hpp"
#include "app/config_sections.hpp"
#include "app/storage.hpp"
#include "ops/control_socket.hpp"
#include "stream/event_log.hpp"

#include <chrono>
#include <thread>

namespace indaba::app {

namespace {

Result<boost::json::value> do_it_here(const DataConfig& data, std::string_view command,
                                      const boost::json::object& arguments) {
  const SystemClock clock;
  SystemRandom random;
  stream::EventLog log(clock);
  INDABA_TRY(const auto database, open_database(data, Migrate::no, log, clock));
  // Nodes that share this database hear of it, though none of them is asked.
  api::AccessChanges changes;
  if (!data.embedded()) {
    INDABA_TRY(const auto stream, access_stream(*database, clock, random));
    changes.share(stream, NodeId());
  }
  const auto handlers = admin_handlers({.database = *database,
                                        .clock = clock,
                                        .random = random,
                                        .database_file = data.database_file(),
                                        .changes = changes,
                                        .jobs = {*database}});
  const auto handler = handlers.find(command);
  if (handler == handlers.end()) return Error::internal("there is no such command");
  return handler->second(arguments);
}

}  // namespace

Result<boost::json::value> administer(const Config& config, std::string_view command,
                                      const boost::json::object& arguments) {
  const auto data = data_config(config);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (true) {
    auto answered = ops::ask_server(data.control_socket(), command, arguments);
    if (answered || answered.error().code != "no_server") return answered;
    auto done = do_it_here(data, command, arguments);
    if (done || done.error().code != "data_folder_in_use" ||
        std::chrono::steady_clock::now() > deadline)
      return done;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace indaba::app
