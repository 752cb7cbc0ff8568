#include "cluster/channels_wire.hpp"

#include "base/msgpack.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace indaba::cluster::channels {

namespace {

constexpr std::size_t kLongestName = 99;
constexpr std::string_view kChannels = "__asgi_channel__";

bool is_name_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

std::vector<std::string> names_in(const boost::json::value& value) {
  std::vector<std::string> names;
  if (value.is_string()) names.emplace_back(value.get_string());
  if (value.is_array())
    for (const auto& name : value.get_array())
      if (name.is_string()) names.emplace_back(name.get_string());
  return names;
}

}  // namespace

bool is_group_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, is_name_char);
}

Result<Unpacked> unpack(std::string_view packed) {
  INDABA_TRY(auto value, msgpack::decode(packed, {.depth = 24}));
  auto* object = value.if_object();
  if (object == nullptr) return Error(ErrorKind::malformed, "The message is no map.");
  const auto* type = object->if_contains("type");
  if (type == nullptr || !type->is_string())
    return Error(ErrorKind::malformed, "The message has no type.");
  Unpacked out;
  out.type = type->get_string();
  if (const auto* channels = object->if_contains(kChannels)) out.channels = names_in(*channels);
  // In their order, which erase() does not keep.
  for (auto& member : *object)
    if (member.key() != "type" && member.key() != kChannels)
      out.members.emplace(member.key(), std::move(member.value()));
  return out;
}

std::string pubsub_prefix(std::string_view prefix) {
  return fmt::format("{}__group__", prefix);
}

std::string group_key(std::string_view prefix, std::string_view group) {
  return fmt::format("{}:group:{}", prefix, group);
}

std::string inbox_key(std::string_view prefix, std::string_view channel) {
  const auto end = channel.find('!');
  return fmt::format("{}{}", prefix,
                     end == std::string_view::npos ? channel : channel.substr(0, end + 1));
}

}  // namespace indaba::cluster::channels
