// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/function.hpp"
#include "shoal/reader.hpp"
#include "shoal/task_signature.hpp"
#include "shoal/task_types.hpp"
#include "shoal/writer.hpp"

namespace shoal {

/// A function with a name that other programs know.
class RegisteredTask {
 public:
  RegisteredTask(std::string_view name, const internal::CallTarget& target,
                 const internal::CallTypes& types, std::vector<std::string> parameter_names);

  const std::string& name() const noexcept { return name_; }
  /// Gives the names of the parameters, for keyword arguments; empty if none were given.
  const std::vector<std::string>& parameter_names() const noexcept { return parameter_names_; }
  /// Tells how many parameters there are.
  std::size_t arity() const noexcept { return hashes_.size() - 1; }
  /// Gives "double(demo::Shape, int)": how errors show the function.
  std::string signature() const { return describe_().signature(); }

  /// What is called, as this process knows it.
  const internal::CallTarget& target() const noexcept { return target_; }
  /// Throws CodecError, naming both signatures, if the call has other types.
  void check(const internal::CallTypes& called) const;
  void check(const internal::TaskTypes& called) const;

 private:
  std::string name_;
  internal::CallTarget target_;
  std::vector<std::uint64_t> hashes_;
  internal::TaskTypes (*describe_)();
  std::vector<std::string> parameter_names_;
};

/// Functions by name. Grows only; the tasks in it stay where they are.
///
/// Safe from many threads at once. Takes no lock, so that it also works in a child of fork()
/// whatever other threads were doing. What a task module registers here is seen by
/// others when its shoal_register_tasks has returned.
class TaskRegistry {
 public:
  TaskRegistry() noexcept = default;
  TaskRegistry(const TaskRegistry&) = delete;
  TaskRegistry& operator=(const TaskRegistry&) = delete;
  ~TaskRegistry();

  /// Names `fn`: a function pointer, captureless lambda or stateless function object.
  ///   tasks.add("demo.add", add, {"x", "y"});
  /// The list names the parameters, for callers that give arguments by keyword. The same again does
  /// nothing.
  /// @throws std::invalid_argument  the name is empty or belongs to another function, `fn` is null,
  ///                                or `parameters` are not one for each, all different
  template <class F>
  [[gnu::visibility("hidden")]] void add(std::string_view name, F fn,
                                         std::vector<std::string> parameters = {});

  /// Gives the task of that name, which lives as long as this; null if there is none.
  const RegisteredTask* find(std::string_view name) const noexcept;
  /// Gives the names of all tasks, sorted.
  std::vector<std::string> names() const;

  /// Runs here, in this thread, the task that `call` names (see encode_named_call) and writes what
  /// it returns. Throws what the task throws.
  /// @throws CodecError  there is no task of that name, its types are others, or the bytes are no
  ///                     such call
  void call(Reader& call, Writer& result) const;

  /// Adds all tasks of `other`, or none.
  /// @throws std::invalid_argument  a name belongs to another function
  void add_all(const TaskRegistry& other);

 private:
  using Tasks = std::vector<std::shared_ptr<const RegisteredTask>>;
  struct Node;

  void add_task(RegisteredTask task);
  void publish(const Tasks& fresh);
  Tasks tasks() const;

  std::atomic<const Node*> newest_ = nullptr;
};

/// Gives the registry of this process.
TaskRegistry& task_registry();

/// Names `fn` in this process's registry: TaskRegistry::add().
template <class F>
void register_task(std::string_view name, F fn, std::vector<std::string> parameters = {}) {
  task_registry().add(name, std::move(fn), std::move(parameters));
}

/// Loads a library of tasks and calls what it exports as
///   extern "C" void shoal_register_tasks(shoal::TaskRegistry& tasks);
/// Gives the names that it registered, here in this process. The library stays loaded. Workers load
/// it by the path, once a task of it is submitted, and check that it is still the same build.
/// @throws Error  there is no such file, it cannot be loaded, or it exports no such function; or
///                that threw, which is nested in the error: then none of its tasks is registered
std::vector<std::string> load_task_module(const std::filesystem::path& path);

namespace internal {

/// Fails to compile, with the reason, if F cannot be registered: its parameters must be told by its
/// type.
template <class F>
constexpr void require_named_task() noexcept;

template <class F, class... P>
constexpr void require_task_of(Types<P...>) noexcept {
  require_task<F, std::remove_cvref_t<P>...>();
}

template <class F>
constexpr void require_named_task() noexcept {
  require_function<F>();
  if constexpr (requires { typename CallOf<F>::Parameters; }) {
    require_task_of<F>(typename CallOf<F>::Parameters{});
  } else {
    refuse_call<F, Objection::no_such_call>();
  }
}

template <class R, class Use, class... P>
auto with_types_of_call(Use use, Types<P...>) {
  return with_types<std::remove_cvref_t<R>, std::remove_cvref_t<P>...>(std::move(use));
}

/// Writes the values as what they are, no function being there to convert them for; characters as
/// std::string.
template <class... Args>
void encode_values([[maybe_unused]] Writer& out, Args&&... args) {
  (encode_argument<argument_value_t<Args>>(out, std::forward<Args>(args)), ...);
}

[[noreturn]] void fail_unknown_task(const TaskRegistry& tasks, std::string_view name);

/// Writes the arguments for the task of that name in this process's registry, and says what to
/// call.
/// @throws std::invalid_argument  there is none   @throws CodecError  its types are others
template <class R, class... Args>
CallTarget encode_call_by_name(Writer& out, std::string_view name, Args&&... args) {
  (require_transferable<argument_value_t<Args>>(), ...);
  const TaskRegistry& tasks = task_registry();
  const RegisteredTask* const task = tasks.find(name);
  if (task == nullptr) fail_unknown_task(tasks, name);
  with_types<R, argument_value_t<Args>...>([&](const CallTypes& types) { task->check(types); });
  encode_values(out, std::forward<Args>(args)...);
  return task->target();
}

}  // namespace internal

/// Writes a call for TaskRegistry::call() in another program, which need not be a build of this
/// one: the name, the types, the arguments as they are (characters as std::string).
/// @throws CodecError  an argument cannot be sent
template <class R, class... Args>
void encode_named_call(Writer& out, std::string_view name, Args&&... args) {
  (internal::require_transferable<internal::argument_value_t<Args>>(), ...);
  out.put(std::string(name));
  out.put(internal::describe_types<R, internal::argument_value_t<Args>...>());
  internal::encode_values(out, std::forward<Args>(args)...);
}

template <class F>
void TaskRegistry::add(std::string_view name, F fn, std::vector<std::string> parameters) {
  internal::require_named_task<F>();
  if constexpr (requires { typename internal::CallOf<F>::Parameters; }) {
    using Signature = typename internal::CallOf<F>::Plain;
    const auto add = [&](const internal::CallTypes& types) {
      add_task(RegisteredTask(name, internal::target_of<F, Signature>(fn), types,
                              std::move(parameters)));
    };
    internal::with_types_of_call<typename Signature::Result>(add, typename Signature::Parameters{});
  }
}

}  // namespace shoal
