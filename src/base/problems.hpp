// What is wrong with a request, member by member, while it is being read. Owned by one reader on
// its stack.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace indaba::json {

class Problems {
 public:
  // A hostile body can be wrong in a million places; the caller needs the first few.
  static constexpr std::size_t kMost = 20;

  // Goes one step down the path ("payload" -> "payload.title") for as long as it lives.
  class Step {
   public:
    Step(Problems& problems, std::string_view name);
    ~Step() { problems_.path_.resize(before_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Problems& problems_;
    std::size_t before_;
  };

  // At the place where the path stands. `rest` goes on behind its name: "payload.title" + " is
  // required.".
  void add(std::string_view code, std::string_view rest);
  void invalid(std::string_view rest) { add("invalid_field", rest); }

  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
  [[nodiscard]] bool full() const noexcept { return fields_.size() >= kMost; }
  [[nodiscard]] Error to_error() &&;

 private:
  std::string path_;
  std::vector<FieldError> fields_;
};

}  // namespace indaba::json
