// check(condition, "sentence"): a broken invariant ends the process with that sentence. For what
// cannot happen unless the program itself is wrong; what a client or a disk can cause is a Result.
#pragma once

#include <source_location>
#include <string_view>

namespace indaba {

[[noreturn]] void broken_invariant(std::string_view sentence,
                                   std::source_location where = std::source_location::current());

inline void check(bool condition, std::string_view sentence,
                  std::source_location where = std::source_location::current()) {
  if (!condition) [[unlikely]]
    broken_invariant(sentence, where);
}

}  // namespace indaba
