#include "cluster/bridge_mapping.hpp"

#include "base/text.hpp"
#include "cluster/channels_wire.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace indaba::cluster {

namespace {

constexpr std::string_view kId = "<id>";
constexpr std::string_view kSlug = "<slug>";

Error wrong(std::string_view text, std::string_view what) {
  return Error(ErrorKind::invalid, fmt::format("\"{}\" {}", text, what));
}

std::vector<std::string_view> words_of(std::string_view text) {
  auto words = text::split(text, ' ');
  std::erase(words, "");
  return words;
}

// What a part of a stream's name says: a blank, or a text.
GroupMapping::Blank blank_in(std::string_view part) {
  if (part == kId) return GroupMapping::Blank::id;
  if (part == kSlug) return GroupMapping::Blank::slug;
  return GroupMapping::Blank::none;
}

// A number as an id has it: one spelling for each.
std::optional<std::int64_t> id_of(std::string_view text) {
  const auto id = text::parse_int64(text);
  if (!id || *id < 1 || std::to_string(*id) != text) return std::nullopt;
  return id;
}

// The stream's name in its parts; which blank it has.
struct NamedStream {
  BridgeStream stream;
  GroupMapping::Blank blank = GroupMapping::Blank::none;
};

std::optional<NamedStream> parse_stream(std::string_view text) {
  const auto parts = text::split(text, '/');
  NamedStream out;
  if (parts.size() == 3 && parts[0] == "users" && parts[2] == "me") {
    out.stream.kind = BridgeStream::Kind::me;
    out.blank = blank_in(parts[1]);
    if (out.blank == GroupMapping::Blank::id) return out;
    const auto id = id_of(parts[1]);
    if (!id) return std::nullopt;
    out.stream.user = UserId(*id);
    return out;
  }
  if (parts.size() < 3 || parts[0] != "orgs") return std::nullopt;
  out.blank = blank_in(parts[1]);
  if (out.blank == GroupMapping::Blank::none) {
    if (!text::is_slug(parts[1])) return std::nullopt;
    out.stream.slug = parts[1];
  }
  if (parts.size() == 3 && parts[2] == "notifications") return out;
  if (parts.size() != 4 || parts[2] != "topics" || !text::is_slug(parts[3])) return std::nullopt;
  out.stream.kind = BridgeStream::Kind::topic;
  out.stream.topic = parts[3];
  return out;
}

std::vector<std::string> types_of(std::string_view text) {
  std::vector<std::string> types;
  for (const auto type : text::split(text, '|'))
    if (!type.empty()) types.emplace_back(type);
  return types;
}

void take_group(GroupMapping& mapping, std::string_view text) {
  mapping.group = text;
  for (const auto& [name, blank] :
       {std::pair(kId, GroupMapping::Blank::id), std::pair(kSlug, GroupMapping::Blank::slug)}) {
    const auto at = text.find(name);
    if (at == std::string_view::npos) continue;
    mapping.blank = blank;
    mapping.before = text.substr(0, at);
    mapping.after = text.substr(at + name.size());
    return;
  }
  mapping.before = text;
}

Result<void> check_types(std::string_view text, const GroupMapping& mapping) {
  for (const auto& type : mapping.out) {
    if (!is_django_type(type))
      return wrong(text,
                   fmt::format("sends the type \"{}\", which would end Django's consumers", type));
    if (std::ranges::find(mapping.in, type) != mapping.in.end())
      return wrong(text,
                   fmt::format("lets the type \"{}\" pass both ways; a type goes one way", type));
  }
  return {};
}

}  // namespace

bool is_django_type(std::string_view type) noexcept {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !type.empty() && type.size() <= 64 && is_letter(type.front()) &&
         std::ranges::all_of(type, [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.';
         });
}

Result<GroupMapping> GroupMapping::parse(std::string_view text, const std::vector<std::string>& in,
                                         const std::vector<std::string>& out) {
  const auto words = words_of(text);
  if (words.size() < 2)
    return wrong(text, "must name a group and a stream: \"org-<id> orgs/<id>/notifications\"");
  GroupMapping mapping;
  take_group(mapping, words[0]);
  if (!channels::is_group_name(mapping.group_for("1")))
    return wrong(text, "must begin with a group: letters, digits, \"-\", \"_\", \".\"");
  const auto named = parse_stream(words[1]);
  if (!named) return wrong(text, "must name orgs/…/notifications, orgs/…/topics/… or users/…/me");
  if (named->blank != mapping.blank)
    return wrong(text, "must have the same blank, <id> or <slug>, in its group and its stream");
  mapping.stream = named->stream;
  mapping.in = in;
  mapping.out = out;
  for (const auto word : std::span(words).subspan(2)) {
    if (word == "durable" || word == "ephemeral")
      mapping.durable = word == "durable";
    else if (word.starts_with("in="))
      mapping.in = types_of(word.substr(3));
    else if (word.starts_with("out="))
      mapping.out = types_of(word.substr(4));
    else
      return wrong(text, fmt::format("has the word \"{}\", which means nothing here", word));
  }
  INDABA_TRY_VOID(check_types(text, mapping));
  return mapping;
}

std::optional<BridgeStream> GroupMapping::stream_of(std::string_view name) const {
  if (blank == Blank::none) return name == group ? std::optional(stream) : std::nullopt;
  if (name.size() <= before.size() + after.size() || !name.starts_with(before) ||
      !name.ends_with(after))
    return std::nullopt;
  name.remove_prefix(before.size());
  name.remove_suffix(after.size());
  auto found = stream;
  if (blank == Blank::slug) {
    if (!text::is_slug(name)) return std::nullopt;
    found.slug = name;
    return found;
  }
  const auto id = id_of(name);
  if (!id) return std::nullopt;
  if (found.kind == BridgeStream::Kind::me)
    found.user = UserId(*id);
  else
    found.org = OrgId(*id);
  return found;
}

std::optional<std::string> GroupMapping::group_of(const BridgeStream& of) const {
  if (of.kind != stream.kind || of.topic != stream.topic) return std::nullopt;
  const bool me = stream.kind == BridgeStream::Kind::me;
  switch (blank) {
    case Blank::none:
      if (me ? of.user != stream.user : of.slug != stream.slug) return std::nullopt;
      return group;
    case Blank::id:
      return group_for(std::to_string(me ? of.user.value : of.org.value));
    case Blank::slug:
      return group_for(of.slug);
  }
  return std::nullopt;
}

std::string GroupMapping::group_for(std::string_view blank_text) const {
  return blank == Blank::none ? group : fmt::format("{}{}{}", before, blank_text, after);
}

std::string GroupMapping::pattern() const {
  return group_for("*");
}

}  // namespace indaba::cluster
