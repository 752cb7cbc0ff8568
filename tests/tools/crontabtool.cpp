// Crontabs as the server understands them, for tests that compare them with others'.
//
// Reads lines "ZONE MILLISECONDS CRONTAB" and answers each with the next slot after that moment, in
// milliseconds since 1970, or with "refused".
#include "job/crontab.hpp"

#include <iostream>
#include <sstream>

int main() {
  using namespace indaba;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string zone_name;
    std::int64_t after = 0;
    words >> zone_name >> after;
    std::string text;
    std::getline(words, text);
    const auto zone = job::TimeZone::find(zone_name);
    const auto crontab = job::Crontab::parse(text);
    if (zone && crontab)
      std::cout << to_millis(crontab->next(from_millis(after), *zone)) << '\n';
    else
      std::cout << "refused\n";
  }
}
