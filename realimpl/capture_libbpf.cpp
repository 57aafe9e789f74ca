#include "realimpl/capture_libbpf.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace zcv {
namespace {

// libbpf tells which program the verifier refused only in its messages.
std::string refused_program;
std::string last_message;

bool debug_wanted() {
    const char* value = std::getenv("ZCV_DEBUG");
    return value && std::string_view{value} == "1";
}

__attribute__((format(printf, 2, 0))) int listen(libbpf_print_level level, const char* format,
                                                 va_list args) {
    static const bool debug = debug_wanted();
    std::array<char, 512> line{};
    va_list copy;
    va_copy(copy, args);
    std::vsnprintf(line.data(), line.size(), format, copy);
    va_end(copy);
    std::string text{line.data()};
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const auto begin = text.find("prog '");
    const bool failed = text.find("failed to load") != std::string::npos ||
                        text.find("load failed") != std::string::npos;
    if (begin != std::string::npos && failed) {
        const auto end = text.find('\'', begin + 6);
        refused_program = text.substr(begin + 6, end - begin - 6);
    }
    if (level == LIBBPF_WARN) last_message = text;
    if (debug) std::vfprintf(stderr, format, args);
    return 0;
}

}  // namespace

void BtfDeleter::operator()(btf* types) const {
    btf__free(types);
}

Btf kernel_types() {
    Btf types{btf__load_vmlinux_btf()};
    if (!types)
        throw CaptureFailed{"this kernel's type information cannot be read: " + last_message};
    return types;
}

void listen_to_libbpf() {
    libbpf_set_print(listen);
}

const std::string& last_message_of_libbpf() {
    return last_message;
}

Refused load_what_is_accepted(const std::function<bpf_object_skeleton*()>& open,
                              const std::function<void()>& close) {
    Refused refused;
    for (;;) {
        bpf_object_skeleton* const skeleton = open();
        for (const auto& [name, why] : refused)
            bpf_program__set_autoload(
                bpf_object__find_program_by_name(*skeleton->obj, name.c_str()), false);
        refused_program.clear();
        const int error = -bpf_object__load_skeleton(skeleton);
        if (error == 0) return refused;
        close();
        const bool again =
            !refused_program.empty() && !refused.contains(refused_program) && error != EPERM;
        if (!again)
            throw CaptureFailed{fmt::format(
                "the kernel refuses to load BPF programs: {}{}", std::strerror(error),
                error == EPERM ? " (a locked down kernel, or a container without CAP_BPF?)"
                               : "; ZCV_DEBUG=1 shows why")};
        refused.emplace(refused_program, std::strerror(error));
    }
}

std::uint64_t recursion_misses_of(const bpf_program* program) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    if (!program || bpf_program__fd(program) < 0) return 0;
    const int error = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);
    return error == 0 ? info.recursion_misses : 0;
}

}  // namespace zcv
