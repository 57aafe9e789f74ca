#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

struct bpf_object_skeleton;
struct bpf_program;
struct btf;

// What the observer and the function probes share of loading programs into the kernel.
namespace zcv {

// There can be no capture here: what is missing, and the remedy.
struct CaptureFailed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct BtfDeleter {
    void operator()(btf* types) const;
};
using Btf = std::unique_ptr<btf, BtfDeleter>;

// The kernel's own types. Throws CaptureFailed.
Btf kernel_types();

// libbpf's newest complaint; with ZCV_DEBUG=1 all that it says goes to stderr.
void listen_to_libbpf();
const std::string& last_message_of_libbpf();

// Programs that the verifier refused, and its error.
using Refused = std::map<std::string, std::string>;

// Loads what `open` gives, and again without each program that the verifier of this kernel refuses
// and another's takes. `open` is called before every attempt, `close` after one that failed.
// Throws CaptureFailed when it is more than single programs.
Refused load_what_is_accepted(const std::function<bpf_object_skeleton*()>& open,
                              const std::function<void()>& close);

// How often the kernel left a program out because one was running; 0 when it is not loaded.
std::uint64_t recursion_misses_of(const bpf_program* program);

}  // namespace zcv
