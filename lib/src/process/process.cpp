// SPDX-License-Identifier: Apache-2.0
#include "shoal/process.hpp"

#include <csignal>
#include <stdexcept>
#include <utility>

#include "process/process_state.hpp"
#include "process/source.hpp"
#include "serial/function_ref.hpp"
#include "shoal/codec.hpp"
#include "shoal/reader.hpp"

namespace shoal {
namespace {

// Whom the child is to call. It follows the arguments in the payload, because the arguments'
// descriptors are numbered from the payload's start; its own length comes last.
struct Callee {
  serial::CodeRef invoker;
  std::optional<serial::CodeRef> function;  // none: the callee has no state and no address
  std::uint64_t type_hash;
};

// A child's work: decodes the arguments and calls.
int call_function(process::ChildContext& context) {
  context.control.reset();
  const std::span<const std::byte> bytes = context.bytes;
  Reader tail(bytes.last(sizeof(std::uint64_t)));
  const auto argument_bytes = tail.get<std::uint64_t>();
  Reader head(bytes.subspan(argument_bytes));
  const auto callee = head.get<Callee>();
  const auto invoker = reinterpret_cast<internal::Invoker>(serial::resolve(callee.invoker));
  const std::uintptr_t function = callee.function ? serial::resolve(*callee.function) : 0;
  Reader arguments(bytes.first(argument_bytes), context.descriptors);
  Writer dropped_result;
  invoker(function, arguments, dropped_result);
  return 0;
}

class FunctionWork final : public process::Work {
 public:
  explicit FunctionWork(internal::EncodedCall call) {
    const internal::CallTarget& target = call.target;
    const std::uint64_t argument_bytes = call.arguments.bytes().size();
    Callee callee{
        serial::locate(reinterpret_cast<std::uintptr_t>(target.invoker)), {}, target.type_hash};
    if (target.target != 0) callee.function = serial::locate(target.target);
    call.arguments.put(callee);
    call.arguments.put(argument_bytes);
    spec_.payload = std::move(call.arguments);
    spec_.entry = call_function;
  }

  std::shared_ptr<process::Child> start(const internal::ProcessState& process) override {
    const StartMethod method = process.options().context.get_start_method();
    spec_.name = process.name();
    spec_.identity = process.identity();
    spec_.is_daemon = process.is_daemon();
    spec_.environment = process.options().environment;
    spec_.keeps_descriptors = method == StartMethod::fork;
    spec_.fork_with_threads = process.options().fork_with_threads;
    std::shared_ptr<process::Child> child =
        process::open_source(method, process::SourceUse::processes)->start(spec_);
    child->take_control();  // the child's end is closed, too: nothing is said any more
    return child;
  }

 private:
  process::ChildSpec spec_;
};

}  // namespace

Process::Process(ProcessOptions options, internal::EncodedCall call)
    : state_(std::make_unique<internal::ProcessState>(
          std::move(options), std::make_unique<FunctionWork>(std::move(call)))) {}

Process::Process(std::unique_ptr<internal::ProcessState> state) noexcept
    : state_(std::move(state)) {}

Process::Process(Process&& other) noexcept = default;

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  const Process ended(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

Process::~Process() {
  if (!state_) return;
  // In a fork's copy even the descriptors it holds may name something else by now.
  if (state_->is_foreign()) {
    static_cast<void>(state_.release());
  } else {
    state_->abandon();
  }
}

internal::ProcessState& Process::state() const {
  if (!state_) throw std::logic_error("Process: this object was moved from");
  return *state_;
}

void Process::start() { state().start(); }

bool Process::join(Duration timeout) { return state().join(base::Deadline::in(timeout)); }

bool Process::is_alive() const { return state().is_alive(); }

int Process::pid() const { return state().child("pid").pid(); }

std::string Process::name() const {
  state().check("name");
  return state().name();
}

void Process::set_name(std::string name) { state().set_name(std::move(name)); }

bool Process::daemon() const {
  state().check("daemon");
  return state().is_daemon();
}

std::optional<int> Process::exitcode() const { return state().exitcode(); }

void Process::interrupt() { state().signal(SIGINT, "interrupt"); }

void Process::terminate() { state().signal(SIGTERM, "terminate"); }

void Process::kill() { state().signal(SIGKILL, "kill"); }

int Process::sentinel() const { return state().child("sentinel").sentinel(); }

void Process::close() { state().close(); }

}  // namespace shoal
