// SPDX-License-Identifier: Apache-2.0
#include "shoal/process.hpp"

#include <csignal>
#include <stdexcept>
#include <utility>

#include "process/confinement.hpp"
#include "process/process_state.hpp"
#include "process/source.hpp"
#include "serial/function_ref.hpp"
#include "shoal/codec.hpp"
#include "shoal/reader.hpp"

namespace shoal {
namespace {

constexpr const char* kOptions = "ProcessOptions";

// A child's work: decodes the arguments and calls. Whom follows the arguments in the payload,
// because the arguments' descriptors are numbered from the payload's start; their length comes last.
int call_function(process::ChildContext& context) {
  context.control.reset();
  const std::span<const std::byte> bytes = context.bytes;
  Reader tail(bytes.last(sizeof(std::uint64_t)));
  const auto argument_bytes = tail.get<std::uint64_t>();
  Reader head(bytes.subspan(argument_bytes));
  const auto callee = head.get<serial::CallRef>();
  Reader arguments(bytes.first(argument_bytes), context.descriptors);
  arguments.trust_code();
  const serial::Callee callable = serial::resolve(callee);
  // Last of all: what comes before needs the memory and files that are not there behind it.
  const auto confinement = head.get<process::Confinement>();
  process::apply_limits(confinement.limits, kOptions);
  process::apply_cpu_time(confinement.limits, kOptions);
  process::apply_sandbox(confinement.sandbox, kOptions);
  serial::call(callable, arguments);
  return 0;
}

class FunctionWork final : public process::Work {
 public:
  FunctionWork(internal::EncodedCall call, const process::Confinement& confinement)
      : confinement_(confinement) {
    const std::uint64_t argument_bytes = call.arguments.bytes().size();
    call.arguments.put(serial::locate(call.target));
    call.arguments.put(confinement);
    call.arguments.put(argument_bytes);
    spec_.payload = std::move(call.arguments);
    spec_.entry = call_function;
  }

  std::shared_ptr<process::Child> start(const internal::ProcessState& process) override {
    process::require_confinement(confinement_, kOptions,
                                 "cannot start process \"" + process.name() + '"');
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
  const process::Confinement confinement_;
  process::ChildSpec spec_;
};

std::unique_ptr<internal::ProcessState> make_state(ProcessOptions options,
                                                   internal::EncodedCall call) {
  auto work = std::make_unique<FunctionWork>(
      std::move(call), process::Confinement{options.limits, options.sandbox});
  return std::make_unique<internal::ProcessState>(std::move(options), std::move(work));
}

}  // namespace

Process::Process(ProcessOptions options, internal::EncodedCall call)
    : state_(make_state(std::move(options), std::move(call))) {}

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
