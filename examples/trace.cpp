// SPDX-License-Identifier: Apache-2.0
// Writes a timeline of which worker ran what, and when. Open it in https://ui.perfetto.dev or
// chrome://tracing.
//
//   12 tasks are in timeline.json

#include <cmath>
#include <cstdio>
#include <fstream>
#include <shoal/shoal.hpp>
#include <string>
#include <vector>

double integrate(double from, double to) {
  constexpr int kSteps = 200'000;
  const double width = (to - from) / kSteps;
  double sum = 0;
  for (int i = 0; i < kSteps; ++i) sum += std::sin(from + (i + 0.5) * width) * width;
  return sum;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool{{.max_workers = 2}};

  pool.trace("timeline.json");
  std::vector<shoal::Future<double>> parts;
  for (int i = 0; i < 12; ++i) {
    parts.push_back(pool.submit({.name = "part " + std::to_string(i)}, integrate, i, i + 1));
  }
  shoal::wait(parts);
  pool.stop_trace();  // the file is whole from here on

  int tasks = 0;
  std::ifstream timeline("timeline.json");
  for (std::string line; std::getline(timeline, line);) {
    tasks += line.find("\"part ") != std::string::npos;
  }
  std::printf("%d tasks are in timeline.json\n", tasks);
}
