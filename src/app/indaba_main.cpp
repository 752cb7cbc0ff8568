#include "app/cli.hpp"

#include <iostream>
#include <unistd.h>

int main(int argc, char** argv) {
  indaba::app::CommandLine line;
  line.input = indaba::app::ConfigInput::from_process(environ);
  line.in = &std::cin;
  line.out = &std::cout;
  line.err = &std::cerr;
  return indaba::app::run_command_line(argc, argv, std::move(line));
}
