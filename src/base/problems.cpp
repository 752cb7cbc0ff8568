#include "base/problems.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace indaba::json {

Problems::Step::Step(Problems& problems, std::string_view name)
    : problems_(problems), before_(problems.path_.size()) {
  if (before_ > 0) problems_.path_ += '.';
  // A name may come from outside: it must not swell the answer, nor make it anything but UTF-8.
  problems_.path_ += text::is_utf8(name) ? text::first_code_points(name, 64) : "?";
}

void Problems::add(std::string_view code, std::string_view rest) {
  if (full()) return;
  const std::string_view subject = path_.empty() ? "The request" : std::string_view(path_);
  fields_.push_back({path_, std::string(code), fmt::format("{} {}", subject, rest)});
}

Error Problems::to_error() && {
  Error error(ErrorKind::invalid);
  error.detail = fields_.size() == 1
                     ? fields_.front().message
                     : fmt::format("{} fields of the request are wrong.", fields_.size());
  error.fields = std::move(fields_);
  return error;
}

}  // namespace indaba::json
