// What a node can do in the background.
#include "app/node.hpp"
#include "app/test_tasks.hpp"

namespace indaba::app {

void Node::declare_tasks(const ServeOptions& options) {
  if (options.test_tasks) add_queue_test_tasks(background_.registry(), clock_, random_);
}

}  // namespace indaba::app
