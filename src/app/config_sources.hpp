// Where values come from: the file, the environment. Each source fills a map of key to value and
// lists what it did not understand.
#pragma once

#include "app/config.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace indaba::app {

struct Gathered {
  std::map<std::string, Value, std::less<>> values;
  std::vector<ScheduleSetting> schedule;
  std::vector<FieldError> problems;
};

void gather_file(const std::filesystem::path& file, Gathered& into);
void gather_environment(const Environment& environment, Gathered& into);

}  // namespace indaba::app
