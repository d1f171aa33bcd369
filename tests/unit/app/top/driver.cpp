// run_top() as a program: top_driver PROCFS INTERVAL_MS COUNT
#include <cstdlib>

#include "core/app/top/top.hpp"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  sentinel::top::TopOptions options;
  options.procfs = argv[1];
  options.interval = std::chrono::milliseconds(std::strtol(argv[2], nullptr, 10));
  options.count = std::strtoull(argv[3], nullptr, 10);
  return sentinel::top::run_top(options);
}
