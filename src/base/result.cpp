#include "base/result.hpp"

#include "base/check.hpp"

#include <fmt/format.h>

namespace indaba {

std::string_view slug(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::internal:
      return "internal";
    case ErrorKind::malformed:
      return "malformed";
    case ErrorKind::unauthenticated:
      return "unauthenticated";
    case ErrorKind::forbidden:
      return "forbidden";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::too_large:
      return "too_large";
    case ErrorKind::unsupported:
      return "unsupported_media_type";
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::rate_limited:
      return "rate_limited";
    case ErrorKind::unavailable:
      return "unavailable";
  }
  return "internal";
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  broken_invariant(fmt::format("the value of a failed result was taken at {}:{}: {} {} {}",
                               where.file_name(), where.line(), error.code_or_slug(), error.detail,
                               error.log));
}

}  // namespace indaba
