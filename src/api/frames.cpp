#include "api/frames.hpp"

#include <array>
#include <exception>

namespace indaba::api {

namespace {

constexpr std::array<std::string_view, 14> kSocketCodes{
    "bad_json",    "unknown_type", "missing_field",  "invalid_field",
    "too_long",    "forbidden",    "not_found",      "locked",
    "conflict",    "rate_limited", "not_subscribed", "too_many_subscriptions",
    "unavailable", "internal"};

std::string_view known_code(std::string_view code) noexcept {
  for (const auto known : kSocketCodes)
    if (known == code) return known;
  return {};
}

std::string_view field_code(const Error& error) noexcept {
  if (error.fields.empty()) return "invalid_field";
  const auto code = known_code(error.fields.front().code);
  return code.empty() ? "invalid_field" : code;  // "unknown_field" among others
}

}  // namespace

std::string_view socket_code(const Error& error) noexcept {
  if (error.kind == ErrorKind::internal) return "internal";
  if (const auto own = known_code(error.code); !own.empty()) return own;
  switch (error.kind) {
    case ErrorKind::internal:
      return "internal";
    case ErrorKind::malformed:
      return "bad_json";
    case ErrorKind::unauthenticated:
      return "forbidden";
    case ErrorKind::forbidden:
      return "forbidden";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::too_large:
      return "too_long";
    case ErrorKind::unsupported:
      return "invalid_field";
    case ErrorKind::invalid:
      return field_code(error);
    case ErrorKind::rate_limited:
      return "rate_limited";
    case ErrorKind::unavailable:
      return "unavailable";
  }
  return "internal";
}

Result<std::string> detail::take_stream(FrameArrival& arrival, bool names_stream,
                                        std::string_view or_names) {
  arrival.frame.erase("type");
  arrival.frame.erase("ref");
  if (!names_stream) return std::string();
  if (!or_names.empty() && arrival.frame.contains(or_names)) return std::string();
  std::string stream = std::move(arrival.url_stream);
  if (const auto* named = arrival.frame.if_contains("stream")) {
    const auto* text = named->if_string();
    if (text == nullptr) return Error::invalid_field("stream", "A stream's name is a string.");
    stream.assign(text->data(), text->size());
    arrival.frame.erase("stream");
  }
  if (stream.empty()) return Error::invalid_field("stream", "Name the stream.", "missing_field");
  return stream;
}

Task<Result<FrameReply>> Frames::dispatch(FrameArrival arrival) const {
  const auto* type = arrival.frame.if_contains("type");
  const auto entry = type != nullptr && type->is_string()
                         ? types_.find(std::string_view(type->get_string()))
                         : types_.end();
  if (entry == types_.end() || !entry->second.serve)
    co_return Error(ErrorKind::invalid, "unknown_type", "There is no frame of this type.");
  Result<FrameReply> reply = FrameReply{};
  try {
    auto serving = entry->second.serve(std::move(arrival));
    reply = co_await serving;
  } catch (const std::exception& failure) {
    reply = Error::internal(failure.what());
  }
  co_return reply;
}

}  // namespace indaba::api
