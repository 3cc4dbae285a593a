// SPDX-License-Identifier: Apache-2.0
#include "shoal/task_registry.hpp"

#include <algorithm>
#include <stdexcept>

#include "shoal/codec.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using Task = std::shared_ptr<const RegisteredTask>;

bool is_before(const Task& a, const Task& b) { return a->name() < b->name(); }

bool is_same(const RegisteredTask& a, const RegisteredTask& b) {
  return a.target().invoker == b.target().invoker && a.target().target == b.target().target &&
         a.parameter_names() == b.parameter_names();
}

void check_parameter_names(std::string_view task, std::size_t arity,
                           std::vector<std::string> names) {
  if (names.empty()) return;
  const std::string text = "the task \"" + std::string(task) + "\" ";
  if (names.size() != arity) {
    throw std::invalid_argument(text + "takes " + std::to_string(arity) + " arguments, and " +
                                std::to_string(names.size()) +
                                " parameters are named: name all or none");
  }
  std::sort(names.begin(), names.end());
  if (names.front().empty() || std::adjacent_find(names.begin(), names.end()) != names.end()) {
    throw std::invalid_argument(text + "has a parameter name that is empty or there twice");
  }
}

}  // namespace

RegisteredTask::RegisteredTask(std::string_view name, const internal::CallTarget& target,
                               const internal::CallTypes& types,
                               std::vector<std::string> parameter_names)
    : name_(name),
      target_(target),
      hashes_(types.hashes.begin(), types.hashes.end()),
      describe_(types.describe),
      parameter_names_(std::move(parameter_names)) {
  if (name_.empty()) throw std::invalid_argument("a task is registered under an empty name");
  check_parameter_names(name_, arity(), parameter_names_);
}

void RegisteredTask::check(const internal::CallTypes& called) const {
  if (std::equal(hashes_.begin(), hashes_.end(), called.hashes.begin(), called.hashes.end())) {
    return;
  }
  check(called.describe());
}

void RegisteredTask::check(const internal::TaskTypes& called) const {
  internal::check_types(name_, describe_(), called);
}

// Some tasks; those that are in none of the nodes after it. The list is read without a lock, so a
// node never changes once it is published and stays as long as the registry. A new node takes over
// the tasks of those behind it that are not larger: a list of n tasks has at most log2(n) nodes to
// look into, and each task was copied as often.
struct TaskRegistry::Node {
  Tasks tasks;           // by name
  const Node* older;     // where further tasks are
  const Node* replaced;  // what was the newest before: freed with this one
};

TaskRegistry::~TaskRegistry() {
  const Node* node = newest_.load(std::memory_order_acquire);
  while (node != nullptr) delete std::exchange(node, node->replaced);
}

const RegisteredTask* TaskRegistry::find(std::string_view name) const noexcept {
  // acquire: pairs with the exchange in publish()
  for (const Node* node = newest_.load(std::memory_order_acquire); node != nullptr;
       node = node->older) {
    const auto at =
        std::lower_bound(node->tasks.begin(), node->tasks.end(), name,
                         [](const Task& task, std::string_view key) { return task->name() < key; });
    if (at != node->tasks.end() && (*at)->name() == name) return at->get();
  }
  return nullptr;
}

TaskRegistry::Tasks TaskRegistry::tasks() const {
  Tasks all;
  for (const Node* node = newest_.load(std::memory_order_acquire); node != nullptr;
       node = node->older) {
    all.insert(all.end(), node->tasks.begin(), node->tasks.end());
  }
  std::sort(all.begin(), all.end(), is_before);
  return all;
}

std::vector<std::string> TaskRegistry::names() const {
  std::vector<std::string> names;
  for (const Task& task : tasks()) names.push_back(task->name());
  return names;
}

void TaskRegistry::add_task(RegisteredTask task) {
  publish({std::make_shared<const RegisteredTask>(std::move(task))});
}

void TaskRegistry::add_all(const TaskRegistry& other) { publish(other.tasks()); }

// Adds those of `fresh`, sorted by name, that are not there yet: all in one step.
void TaskRegistry::publish(const Tasks& fresh) {
  const Node* newest = newest_.load(std::memory_order_acquire);
  for (;;) {
    auto node = std::make_unique<Node>(Node{{}, newest, newest});
    for (const Task& task : fresh) {
      const RegisteredTask* const known = find(task->name());
      if (known == nullptr) {
        node->tasks.push_back(task);
      } else if (!is_same(*known, *task)) {
        throw std::invalid_argument("the name \"" + task->name() + "\" belongs to another task, " +
                                    known->signature() + ", already: choose another one");
      }
    }
    if (node->tasks.empty()) return;
    while (node->older != nullptr && node->older->tasks.size() <= node->tasks.size()) {
      const auto middle = static_cast<Tasks::difference_type>(node->tasks.size());
      node->tasks.insert(node->tasks.end(), node->older->tasks.begin(), node->older->tasks.end());
      std::inplace_merge(node->tasks.begin(), node->tasks.begin() + middle, node->tasks.end(),
                         is_before);
      node->older = node->older->older;
    }
    // release: pairs with the acquire of whoever reads the list; on failure we are that one
    if (newest_.compare_exchange_strong(newest, node.get(), std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
      static_cast<void>(node.release());
      return;
    }
  }
}

void TaskRegistry::call(Reader& call, Writer& result) const {
  const auto name = call.get<std::string>();
  const auto types = call.get<internal::TaskTypes>();
  const RegisteredTask* const task = find(name);
  if (task == nullptr) {
    throw CodecError("there is no task \"" + name + "\" in this program, called as " +
                     types.signature() + ": register it, or load its module");
  }
  task->check(types);
  task->target().invoker(task->target().target, call, result);
}

TaskRegistry& task_registry() {
  static TaskRegistry& registry = *new TaskRegistry;  // outlives the static objects that use it
  return registry;
}

void internal::fail_unknown_task(const TaskRegistry& tasks, std::string_view name) {
  std::string known;
  for (const std::string& other : tasks.names()) known += (known.empty() ? "" : ", ") + other;
  throw std::invalid_argument("there is no task \"" + std::string(name) +
                              "\" in this process: register_task() it, or load_task_module(). " +
                              (known.empty() ? "None is registered" : "Registered: " + known));
}

}  // namespace shoal
