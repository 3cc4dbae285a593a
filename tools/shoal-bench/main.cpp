// SPDX-License-Identifier: Apache-2.0
// shoal-bench: what shoal reaches, beside the limits of the machine and its peers, in one run.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <set>
#include <shoal/bootstrap.hpp>

#include "instructions.hpp"
#include "limits.hpp"
#include "lock_step.hpp"
#include "machine.hpp"
#include "report.hpp"
#include "runner.hpp"
#include "starts.hpp"

namespace {

using namespace bench;

struct Options {
  Scale scale;
  unsigned repetitions = 0;  // 0: as the scale has it
  std::vector<std::string> only;
  std::string json_path;
  bool is_list = false;
  bool is_instructions = false;
  // How it calls itself.
  std::string measure;
  bool is_stamp = false;
  std::string lock_step;
  std::size_t steps = 0;
};

std::vector<Benchmark> chosen(const Options& options) {
  std::vector<Benchmark> all = catalogue();
  std::set<std::string> wanted(options.only.begin(), options.only.end());
  if (wanted.empty()) return all;
  std::erase_if(all, [&](const Benchmark& benchmark) { return !wanted.contains(benchmark.id); });
  for (const Benchmark& benchmark : all) wanted.erase(benchmark.id);
  if (!wanted.empty()) throw std::runtime_error("--only: there is no " + *wanted.begin());
  return all;
}

void list(const Options& options) {
  for (const Benchmark& benchmark : chosen(options)) {
    std::printf("%-4s %s\n", benchmark.id.c_str(), benchmark.title.c_str());
  }
}

nlohmann::ordered_json print_machine(const Options& options) {
  nlohmann::ordered_json json;
  for (const auto& [name, text] : describe_machine()) {
    std::printf("%-14s %s\n", name.c_str(), text.c_str());
    json[name] = text;
  }
  // Apart too: it binds its process to a CPU.
  const Measurement ping_pong = {"s3.limit", {{"raw ping-pong", "us"}}, measure_spin_ping_pong};
  const double ping_pong_us = run_apart(ping_pong, options.scale).front();
  std::printf("%-14s %.3f us\n", "raw ping-pong", ping_pong_us);
  json["raw_ping_pong_us"] = ping_pong_us;
  return json;
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options) {
    for (Benchmark& benchmark : chosen(options)) outcomes_.push_back({std::move(benchmark), {}});
  }

  /// Every contestant once, one after the other.
  void repeat() {
    for (Outcome& outcome : outcomes_) {
      for (const Measurement& measurement : outcome.benchmark.measurements) {
        outcome.add(measurement, figures_of(measurement));
      }
    }
  }

  const std::vector<Outcome>& outcomes() const { return outcomes_; }
  bool has_failed() const { return has_failed_; }

 private:
  std::optional<Figures> figures_of(const Measurement& measurement) try {
    return run_apart(measurement, options_.scale);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shoal-bench: %s\n", error.what());
    has_failed_ = true;
    return std::nullopt;
  }

  const Options& options_;
  std::vector<Outcome> outcomes_;
  bool has_failed_ = false;
};

void write_json(const std::string& path, const nlohmann::ordered_json& json) {
  std::ofstream file(path);
  file << json.dump(2) << '\n';
  file.flush();
  if (!file) throw std::runtime_error("cannot write " + path);
}

int run(const Options& options) {
  const unsigned repetitions =
      options.repetitions > 0 ? options.repetitions : options.scale.pick(5u, 1u);
  Run run(options);
  nlohmann::ordered_json json = {{"machine", print_machine(options)},
                                 {"quick", options.scale.is_quick},
                                 {"repetitions", repetitions}};
  for (unsigned i = 1; i <= repetitions; ++i) {
    std::fprintf(stderr, "repetition %u of %u\n", i, repetitions);
    run.repeat();
  }
  if (options.scale.is_quick)
    std::printf("\n--quick: these figures say nothing but that it works\n");
  for (const Outcome& outcome : run.outcomes()) {
    print_table(outcome);
    json["benchmarks"].push_back(to_json(outcome));
  }
  if (!options.json_path.empty()) write_json(options.json_path, json);
  return run.has_failed() ? 1 : 0;
}

void count(const Options& options) {
  const nlohmann::ordered_json json = {{"instructions", count_instructions(options.scale)}};
  if (!options.json_path.empty()) write_json(options.json_path, json);
}

void add_options(CLI::App& app, Options& options) {
  app.add_flag("--quick", options.scale.is_quick, "Small counts: does everything still work?");
  app.add_option("--repetitions", options.repetitions, "How often each is measured (5; quick: 1)")
      ->check(CLI::Range(1, 1000));
  app.add_option("--only", options.only, "These benchmarks, as in --only s1,s3")->delimiter(',');
  app.add_option("--json", options.json_path, "Write every value to this file");
  app.add_flag("--list", options.is_list, "Say what can be measured");
  app.add_flag("--instructions", options.is_instructions,
               "Count the instructions of a task instead; needs valgrind");
  app.add_option("--measure", options.measure)->group("");
  app.add_flag("--stamp", options.is_stamp)->group("");
  app.add_option("--lock-step", options.lock_step)->group("");
  app.add_option("--steps", options.steps)->group("");
}

int dispatch(const Options& options) {
  if (options.is_list) {
    list(options);
  } else if (options.is_stamp) {
    print_stamp();
  } else if (!options.lock_step.empty()) {
    run_lock_step(options.lock_step, options.steps);
  } else if (options.is_instructions) {
    count(options);
  } else if (!options.measure.empty()) {
    measure_here(options.measure, options.scale);
  } else {
    return run(options);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  shoal::bootstrap(argc, argv);
  Options options;
  CLI::App app("Measures shoal beside the limits of this machine and its peers.");
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  return dispatch(options);
} catch (const std::exception& error) {
  std::fprintf(stderr, "shoal-bench: %s\n", error.what());
  return 1;
}
