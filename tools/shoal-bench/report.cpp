// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "timing.hpp"

namespace bench {
namespace {

struct Spread {
  double min = 0;
  double median = 0;
  double max = 0;
};

struct Verdict {
  std::vector<double> ratios;
  bool is_reached = false;
};

using Values = std::vector<std::optional<double>>;

std::vector<double> present(const Values& values) {
  std::vector<double> result;
  for (const std::optional<double>& value : values) {
    if (value) result.push_back(*value);
  }
  return result;
}

Spread spread_of(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return {*min, median(values), *max};
}

// Ratios within one repetition: the machine may have been another one in the next.
Verdict judge(const Outcome& outcome, const Goal& goal) {
  const Values& ours = outcome.values.at(goal.row);
  Verdict verdict;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const std::optional<double> other =
        goal.other.empty() ? std::optional(1.0) : outcome.values.at(goal.other).at(i);
    if (ours[i] && other && *other != 0) verdict.ratios.push_back(*ours[i] / *other);
  }
  if (verdict.ratios.empty()) return verdict;
  const double reached = median(verdict.ratios);
  verdict.is_reached =
      goal.bound == Bound::at_least ? reached >= goal.factor : reached <= goal.factor;
  return verdict;
}

// Three figures that say something, whatever the size.
std::string number(double value) {
  char text[32];
  const double size = std::abs(value);
  const int decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

void print_line(const char* mark, const std::string& name, const std::string& unit,
                const std::vector<double>& values, const char* remark) {
  const Spread spread = spread_of(values);
  const auto text = [&](double value) { return values.empty() ? "-" : number(value); };
  std::printf("%4s%-48s %-10s %9s %9s %9s  %s\n", mark, name.c_str(), unit.c_str(),
              text(spread.min).c_str(), text(spread.median).c_str(), text(spread.max).c_str(),
              remark);
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string bound_text(const Goal& goal) {
  return (goal.bound == Bound::at_least ? "at least " : "at most ") + goal.text;
}

void print_goal(const Outcome& outcome, const Goal& goal) {
  const char* unit = goal.other.empty() ? "" : "ratio";
  const Verdict verdict = judge(outcome, goal);
  const char* remark = verdict.is_reached ? "reached" : "MISSED";
  print_line("  > ", bound_text(goal), unit, verdict.ratios,
             verdict.ratios.empty() ? "not measured" : remark);
}

nlohmann::ordered_json goal_json(const Outcome& outcome, const Goal& goal) {
  nlohmann::ordered_json json = {{"goal", bound_text(goal)},
                                 {"row", goal.row},
                                 {"other", goal.other},
                                 {"factor", goal.factor}};
  const Verdict verdict = judge(outcome, goal);
  if (verdict.ratios.empty()) return json;
  json["ratios"] = verdict.ratios;
  json["median"] = median(verdict.ratios);
  json["reached"] = verdict.is_reached;
  return json;
}

}  // namespace

void Outcome::add(const Measurement& measurement, const std::optional<Figures>& figures) {
  for (std::size_t i = 0; i < measurement.rows.size(); ++i) {
    values[measurement.rows[i].name].push_back(figures ? std::optional(figures->at(i))
                                                       : std::nullopt);
  }
}

void print_table(const Outcome& outcome) {
  const Benchmark& benchmark = outcome.benchmark;
  std::printf("\n%-4s%-59s %9s %9s %9s\n", upper(benchmark.id).c_str(), benchmark.title.c_str(),
              "min", "median", "max");
  for (const Measurement& measurement : benchmark.measurements) {
    for (const Row& row : measurement.rows) {
      const Values& all = outcome.values.at(row.name);
      const std::vector<double> values = present(all);
      print_line("", row.name, row.unit, values,
                 values.size() == all.size() ? "" : "FAILED, see above");
    }
  }
  for (const Goal& goal : benchmark.goals) print_goal(outcome, goal);
  std::fflush(stdout);
}

nlohmann::ordered_json to_json(const Outcome& outcome) {
  nlohmann::ordered_json json = {{"id", outcome.benchmark.id}, {"title", outcome.benchmark.title}};
  for (const Measurement& measurement : outcome.benchmark.measurements) {
    for (const Row& row : measurement.rows) {
      const std::vector<double> values = present(outcome.values.at(row.name));
      nlohmann::ordered_json entry = {{"name", row.name}, {"unit", row.unit}, {"values", values}};
      if (!values.empty()) entry["median"] = median(values);
      json["rows"].push_back(std::move(entry));
    }
  }
  for (const Goal& goal : outcome.benchmark.goals) {
    json["goals"].push_back(goal_json(outcome, goal));
  }
  return json;
}

}  // namespace bench
