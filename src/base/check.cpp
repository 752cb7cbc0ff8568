#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace indaba {

void broken_invariant(std::string_view sentence, std::source_location where) {
  // Straight to stderr: the logger may be what is broken.
  std::fprintf(stderr, "broken invariant: %.*s (%s:%u, %s)\n", static_cast<int>(sentence.size()),
               sentence.data(), where.file_name(), where.line(), where.function_name());
  std::fflush(stderr);
  std::abort();
}

}  // namespace indaba
