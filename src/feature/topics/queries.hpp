// The SQL of topics, for this feature alone. Every statement carries its organisation.
#pragma once

#include "db/session.hpp"
#include "feature/topics/topics.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace indaba::topics {

struct TopicRow {
  StreamId stream;
  bool durable = true;
  std::optional<Millis> retention;
  ClientPublish client_publish = ClientPublish::none;
  ReadBy read = ReadBy::members;
};

namespace queries {

[[nodiscard]] Result<std::optional<TopicRow>> find(db::Session& session, OrgId org,
                                                   std::string_view topic);
// Of the topic whose stream it is: what its organisation and itself are called now.
[[nodiscard]] Result<std::optional<std::pair<std::string, std::string>>> find_names_of_stream(
    db::Session& session, OrgId org, StreamId stream);
[[nodiscard]] Result<void> put(db::Session& session, OrgId org, std::string_view topic,
                               const TopicRow& row, WallTime now);
[[nodiscard]] Result<void> set_retention(db::Session& session, StreamId stream, OrgId org,
                                         std::optional<Millis> retention);

}  // namespace queries

}  // namespace indaba::topics
