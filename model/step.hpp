#pragma once

#include <string_view>

#include "model/ensure.hpp"
#include "model/ids.hpp"

// What a step is made of. A step is a struct named after the kernel function whose moment it is,
// with
//   using Of = Ids<...>;                    "for any of these"
//   static constexpr KernelRef at{...};     where to read it, at kernel_tag
//   static constexpr Context context;       who does it
//   static bool guard(const auto& s, ids...), static void effect(auto& s, ids...)
// and, when only some worlds have it, static bool in(const World&).
// Guards only read. Effects cannot fail.
namespace zcv {

inline constexpr std::string_view kernel_tag = "v6.12";

struct KernelRef {
    std::string_view file;      // below the kernel tree; "" for a step of the world around it
    std::string_view function;  // as the kernel spells it
    // Which source, when it is not the one at kernel_tag: a version before or after it ("6.0-rc"),
    // or a posted series that was never merged ("rfc-v1").
    std::string_view version = {};
};

enum class Context {
    application,
    syscall,
    io_wq,
    workqueue,
    kthread,
    task_work,
    softirq,
    device,
    peer,
    exit
};

constexpr std::string_view name_of(Context context) {
    switch (context) {
        case Context::application:
            return "application";
        case Context::syscall:
            return "syscall";
        case Context::io_wq:
            return "io-wq";
        case Context::kthread:
            return "kthread";
        case Context::workqueue:
            return "workqueue";
        case Context::task_work:
            return "task work";
        case Context::softirq:
            return "softirq";
        case Context::device:
            return "device";
        case Context::peer:
            return "peer";
        case Context::exit:
            return "exit";
    }
    return "";
}

template <class... Id>
struct Ids {};

// "io_notif_flush" out of "... [Step = zcv::kernel::io_notif_flush]" (clang ends at ']', gcc may
// end at ';').
template <class Step>
constexpr std::string_view step_name() {
    const std::string_view whole = __PRETTY_FUNCTION__;
    const std::size_t begin = whole.find("Step = ");
    const std::size_t end = whole.find_first_of(";]", begin);
    const std::string_view qualified = whole.substr(begin, end - begin);
    return qualified.substr(qualified.rfind(':') + 1);
}

template <class Step, class Store, class... Id>
bool can(const Store& s, Id... ids) {
    return Step::guard(s, ids...);
}

template <class Step, class Store, class... Id>
void take(Store& s, Id... ids) {
    ZCV_CHECK((can<Step>(s, ids...)));
    Step::effect(s, ids...);
}

}  // namespace zcv
