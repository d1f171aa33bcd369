// The agent's hidden subcommand alone: plugin describe FILE.
#include <cstring>

#include "core/plugin/description.hpp"

int main(int count, char** arguments) {
  const bool asked =
      count == 4 && std::strcmp(arguments[1], "plugin") == 0 && std::strcmp(arguments[2], "describe") == 0;
  return asked ? sentinel::plugin::describe_main(arguments[3]) : 64;
}
