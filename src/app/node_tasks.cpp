// What a node can do in the background.
#include "app/celery_wiring.hpp"
#include "app/node.hpp"
#include "app/schedule_entries.hpp"
#include "app/test_tasks.hpp"

namespace indaba::app {

void Node::declare_tasks(const ServeOptions& options) {
  declare_house_tasks(background_.registry(), *storage_->database);
  add_celery_tasks(background_.registry(), *storage_->database);
  if (!options.test_tasks) return;
  add_queue_test_tasks(background_.registry(), clock_, random_);
  add_test_tasks(background_.registry(), *storage_->database, log_);
}

Result<void> Node::open_schedule(const Config& config) {
  INDABA_TRY(auto entries, whole_schedule(config, background_.registry()));
  background_.schedule(std::move(entries));
  return {};
}

}  // namespace indaba::app
