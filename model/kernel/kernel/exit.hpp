#pragma once

#include "model/kernel/io_uring/exit_work.hpp"

// Models kernel/exit.c: a process ends, by itself or killed. It waits for its workers and for
// nothing that was sent. Left out: threads that end one by one.
namespace zcv::kernel {

struct do_exit {
    using Of = Ids<TaskId>;
    static constexpr KernelRef at{"kernel/exit.c", "do_exit"};
    static constexpr Context context = Context::exit;
    static bool in(const World& world) { return world.hazards.exits; }

    // Killed while it waits in unregister, or in execve, it ends as well.
    static bool guard(const auto& s, TaskId task) {
        return s[task].life != TaskState::gone &&
               !any_request(s, [&](RequestId r) { return is_being_issued(s, r); });
    }
    static void effect(auto& s, TaskId) {
        s.template for_each<RingId>([&](RingId ring) { s[ring].quiesce = false; });
        exit_files_and_mm(s);
    }
};

}  // namespace zcv::kernel
