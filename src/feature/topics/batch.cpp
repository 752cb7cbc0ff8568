// How a batch is read: one event, or an array of up to a thousand.
#include "feature/topics/topics.hpp"

namespace indaba::json {

void Codec<topics::Batch>::read(const boost::json::value& v, topics::Batch& out,
                                Problems& problems) {
  if (!v.is_array()) {
    topics::NewEvent event;
    Codec<topics::NewEvent>::read(v, event, problems);
    out.events.push_back(std::move(event));
    return;
  }
  const auto count = v.get_array().size();
  if (count == 0 || count > topics::Batch::kMost)
    return problems.invalid("must hold 1 to 1000 events.");
  Codec<std::vector<topics::NewEvent>>::read(v, out.events, problems);
}

boost::json::object Codec<topics::Batch>::schema(Use use) {
  auto one = Codec<topics::NewEvent>::schema(use);
  boost::json::object many{
      {"type", "array"}, {"items", one}, {"minItems", 1}, {"maxItems", topics::Batch::kMost}};
  return {{"oneOf", boost::json::array{std::move(one), std::move(many)}}};
}

}  // namespace indaba::json
