#pragma once

#include "model/kernel/io_uring/exit_work.hpp"

// Models fs/exec.c: the process becomes another program, once nothing of the old one is under way
// (io_uring_cancel_generic).
namespace zcv::kernel {

struct begin_new_exec {
    using Of = Ids<TaskId>;
    static constexpr KernelRef at{"fs/exec.c", "begin_new_exec"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) { return world.hazards.execs; }

    static bool guard(const auto& s, TaskId task) {
        bool waits = false;
        s.template for_each<RingId>([&](RingId ring) { waits = waits || s[ring].quiesce; });
        return s[task].life == TaskState::running && !waits &&
               !any_request(s, [&](RequestId r) { return is_being_issued(s, r); });
    }
    static void effect(auto& s, TaskId task) { s[task].life = TaskState::execing; }
};

}  // namespace zcv::kernel
