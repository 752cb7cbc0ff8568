// indaba database copy|new-epochs
#include "app/cli.hpp"
#include "app/config_sections.hpp"
#include "app/storage.hpp"
#include "db/blocking.hpp"
#include "db/copy_to_postgres.hpp"
#include "feature/search/pg_index.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <memory>

namespace indaba::app {

namespace {

struct CopyArguments {
  std::string from;
  std::string to;
};

int copy(const CommandLine& line, const Config& config, const CopyArguments& arguments) {
  auto data = data_config(config);
  if (!arguments.from.empty()) data.dir = arguments.from;
  if (!arguments.to.empty()) data.database_url = arguments.to;
  if (data.embedded())
    return line.fail("name the PostgreSQL to copy to: --to postgres://…, or DATABASE_URL",
                     kWrongUsage);
  const SystemClock clock;
  stream::EventLog log(clock);
  const auto on_progress = [&](const db::CopiedTable& table) {
    *line.err << fmt::format("{}: {} rows\n", table.name, table.rows);
  };
  const auto finish = [&](db::Session& session) -> Result<void> {
    INDABA_TRY(const auto messages, search::PgIndex::fill(session));
    *line.err << fmt::format("the search has {} messages\n", messages);
    return {};
  };
  const auto copied = db::copy_to_postgres({.from = data.database_file(),
                                            .to = postgres_options(data, Migrate::yes),
                                            .on_progress = on_progress,
                                            .finish = finish},
                                           log, clock);
  if (!copied) return line.fail(copied.error());
  std::int64_t rows = 0;
  for (const auto& table : *copied) rows += table.rows;
  *line.out << fmt::format("copied {} rows of {} tables\n", rows, copied->size());
  return kDone;
}

int new_epochs(const CommandLine& line, const Config& config) {
  const auto data = data_config(config);
  if (data.embedded())
    return line.fail("indaba restore does this for the embedded database by itself");
  const SystemClock clock;
  SystemRandom random;
  stream::EventLog log(clock);
  const auto database = open_database(data, Migrate::no, log, clock);
  if (!database) return line.fail(database.error());
  const auto change = [&](db::WriteTx& tx) { return stream::new_epochs(tx.sql(), random); };
  const auto made = db::write_blocking(**database, db::Shard(), change);
  if (!made) return line.fail(made.error());
  *line.out << fmt::format("{} streams are in new epochs\n", made->value);
  return kDone;
}

}  // namespace

void add_database(CLI::App& app, CommandLine& line) {
  auto* command = add_command(app, "database", "Move to PostgreSQL, or put it in order",
                              "indaba database copy --from ./data --to postgres://…");
  command->require_subcommand(1);
  auto* copying = add_command(
      *command, "copy", "Copy the embedded database into an empty PostgreSQL; no server may run",
      "indaba database copy --from ./data --to postgres://indaba@db.example/indaba");
  const auto arguments = std::make_shared<CopyArguments>();
  copying->add_option("--from", arguments->from, "The data folder [data.dir]");
  copying->add_option("--to", arguments->to, "postgres://… [database.url]");
  copying->callback([&line, arguments] {
    line.run = [&line, arguments] {
      const auto config = line.config();
      return config ? copy(line, *config, *arguments) : kWrongUsage;
    };
  });
  auto* epochs = add_command(
      *command, "new-epochs",
      "After a PostgreSQL was put back to an earlier moment, before the server starts again",
      "indaba database new-epochs");
  epochs->callback([&line] {
    line.run = [&line] {
      const auto config = line.config();
      return config ? new_epochs(line, *config) : kWrongUsage;
    };
  });
}

}  // namespace indaba::app
