#include "model/progress.hpp"

#include <algorithm>

#include "model/ensure.hpp"

// Liveness: what is pending is not so for ever. It rests on the assumptions of fairness.cpp;
// without them nothing need ever happen.
namespace zcv {
namespace {

// Its issuer has given up its own reference, so only the network can still hold it. A call's own is
// the one that it holds while it runs.
bool ubuf_is_flushed(const FixedStore& s, std::uint32_t n) {
    const UbufId u{n};
    if (!s[u].alive || s[u].owner_ref || s[u].cached) return false;
    return !s.any<RequestId>([&](RequestId r) { return s[r].uarg == u; });
}

bool request_is_under_way(const FixedStore& s, std::uint32_t r) {
    return s[RequestId{r}].phase != Phase::idle;
}

bool exec_waits(const FixedStore& s, std::uint32_t task) {
    return s[TaskId{task}].life == TaskState::execing;
}

bool unregister_waits(const FixedStore& s, std::uint32_t ring) {
    return s[RingId{ring}].quiesce;
}

bool register_waits(const FixedStore& s, std::uint32_t ring) {
    return s[RingId{ring}].quiescing;
}

bool ring_is_going(const FixedStore& s, std::uint32_t ring) {
    return s[RingId{ring}].closed && !s[RingId{ring}].freed;
}

// Its place in the table is empty, or about to be, or its ring is.
bool pin_is_left_over(const FixedStore& s, std::uint32_t buffer) {
    const BufferId b{buffer};
    if (s[b].node_refs == 0) return false;
    return !s[b].registered ||
           s.any<RingId>([&](RingId ring) { return s[ring].quiesce || s[ring].closed; });
}

bool slots_are_going(const FixedStore& s, std::uint32_t ring) {
    return s[RingId{ring}].slots_gone && s.any<UbufId>([&](UbufId u) {
        return s[u].alive && !s[u].cached && s[u].slot != none<SlotId> &&
               s[s[u].slot].ring == RingId{ring};
    });
}

// Of sockets their option memory; of the process, the last object, what it may lock.
bool memory_is_used_up(const FixedStore& s, std::uint32_t object) {
    const World& world = s.world();
    if (object < world.socks.size())
        return world.models(Part::errqueue) && s[SockId{object}].omem >= world.bounds.omem;
    return world.models(Part::accounting) && s[the_task].locked_vm >= world.bounds.memlock;
}

bool all_buffers_are_out(const FixedStore& s, std::uint32_t) {
    return !s.any<BufferId>([&](BufferId b) { return s[b].lent == 0; });
}

std::uint32_t one(const World&) {
    return 1;
}
std::uint32_t buffers(const World& world) {
    return world.bounds.buffers;
}
std::uint32_t ubufs(const World& world) {
    return world.bounds.ubufs;
}
std::uint32_t requests(const World& world) {
    return world.bounds.requests;
}
std::uint32_t rings(const World& world) {
    return world.bounds.rings;
}
std::uint32_t socks_and_process(const World& world) {
    return static_cast<std::uint32_t>(world.socks.size()) + 1;
}

constexpr std::string_view on_the_peer =
    "the peer, or else whoever gives up the connection. Nobody in the kernel can call back what "
    "was "
    "sent: where the peer may be silent for ever and the connection stays, this does not hold";

std::vector<KernelEventually> releases() {
    return {
        {.name = "L1-release",
         .breaks =
             "A send is finished and its notification never comes: its buffer can never be used "
             "again.",
         .noun = "ubuf",
         .objects = ubufs,
         .pending = ubuf_is_flushed,
         .premise = "a ubuf whose issuer has given up its reference, until it is gone",
         .rests_on =
             "the peer, or else whoever gives up the connection; and under DEFER_TASKRUN the "
             "application, which must enter the ring, because a notification ends in task work "
             "that runs only there. No question for sends without a ubuf: those that copy, and "
             "AF_XDP, whose frames are given back by the completion ring (L2 asks of both)"},
        {.name = "L2-told",
         .breaks = "A send never ends for its application, which waits for a completion for ever.",
         .noun = "request",
         .objects = requests,
         .pending = request_is_under_way,
         .premise =
             "a request from its submission until the application expects nothing more of it",
         .rests_on =
             "all that L1 does, and the application itself: it reads its completions, flushes the "
             "slots that it uses, and under DEFER_TASKRUN enters the ring for events, which alone "
             "runs the task work that posts them. Entering is a duty of every application but "
             "peek-only: deferred-end asks both L1 and L2 under that duty and holds, peek-only is "
             "the same world without it and breaks"},
    };
}

std::vector<KernelEventually> ends() {
    return {
        {.name = "L3-exec-returns",
         .breaks = "A process that calls execve() hangs in it: the new program never starts.",
         .noun = "task",
         .objects = one,
         .pending = exec_waits,
         .premise = "a process from execve() until it is another program",
         .rests_on = on_the_peer},
        {.name = "L3-unregister-returns",
         .breaks = "io_uring_register() hangs in unregistering buffers: their thread does nothing "
                   "else any more.",
         .noun = "ring",
         .objects = rings,
         .pending = unregister_waits,
         .premise = "a ring whose application waits in unregister, which it does before 6.13 only; "
                    "later the call returns at once, and L3-unpinned asks what is left",
         .rests_on = on_the_peer},
        {.name = "L3-unpinned",
         .breaks = "Memory that is no longer registered stays pinned: its process has given it "
                   "back, and nobody else can have it.",
         .noun = "buffer",
         .objects = buffers,
         .pending = pin_is_left_over,
         .premise = "a buffer that is taken out of the ring's table, or whose ring is closed, "
                    "until nobody pins it for the ring",
         .rests_on = on_the_peer},
        {.name = "L3-ring-freed",
         .breaks = "A closed ring is never freed: its memory and what it pins are lost, and a "
                   "kworker waits for ever.",
         .noun = "ring",
         .objects = rings,
         .pending = ring_is_going,
         .premise = "a ring from its close, or the end of its process, until it is freed",
         .rests_on = on_the_peer},
        {.name = "L3-quiesce-returns",
         .breaks = "io_uring_register() hangs until the ring is idle, which it never is: the call "
                   "blocks every other use of the ring.",
         .noun = "ring",
         .objects = rings,
         .pending = register_waits,
         .premise = "a ring from a call that waits for all references to it until it returns",
         .rests_on = "nobody outside: no reference may be one that only the application can drop"},
        {.name = "L3-slots-released",
         .breaks = "Slots that were given back keep notifications that never come: the buffers "
                   "sent under them are never free.",
         .noun = "ring",
         .objects = rings,
         .pending = slots_are_going,
         .premise = "a ring whose slots are unregistered while a generation of theirs is alive",
         .rests_on = on_the_peer},
    };
}

std::vector<KernelEventually> resources() {
    return {
        {.name = "L4-memory-returns",
         .breaks = "What a send may charge is used up and never given back: every further send "
                   "fails, with ENOBUFS or ENOMEM.",
         .noun = "account",
         .objects = socks_and_process,
         .pending = memory_is_used_up,
         .premise = "a socket whose option memory is used up, or a process that has locked all it "
                    "may, until there is room for one send more",
         .rests_on =
             "the application, which must read the error queue, for an unread message keeps "
             "its option memory; and, as L1, the peer. It goes on sending all the while",
         .goes_on_sending = true},
        {.name = "L4-buffer-returns",
         .breaks = "All buffers are with the kernel and none comes back: an application that "
                   "wants to send has nothing left to send from.",
         .noun = "pool",
         .objects = one,
         .pending = all_buffers_are_out,
         .premise = "an application all of whose buffers are lent, until one is its own again",
         .rests_on =
             "the application, which must flush the slots that it uses, read its "
             "completions, and under DEFER_TASKRUN enter the ring for them: submitting more "
             "does none of that; and, as L1, the peer. It goes on sending all the while",
         .goes_on_sending = true},
    };
}

}  // namespace

const std::vector<KernelEventually>& kernel_eventually() {
    static const std::vector<KernelEventually> all = [] {
        std::vector<KernelEventually> list = releases();
        for (const auto& more : {ends(), resources()})
            list.insert(list.end(), more.begin(), more.end());
        return list;
    }();
    return all;
}

std::vector<checker::Eventually<FixedStore>> eventually_in(const World& world,
                                                           const std::vector<std::string>& names) {
    std::vector<checker::Eventually<FixedStore>> asked;
    for (const std::string& name : names) {
        const auto is_meant = [&](const KernelEventually& each) {
            return each.name == name || each.name.starts_with(name + "-");
        };
        const auto& all = kernel_eventually();
        ZCV_CHECK(std::ranges::count_if(all, is_meant) == 1);
        const KernelEventually& meant = *std::ranges::find_if(all, is_meant);
        asked.push_back({meant.name, meant.breaks, meant.objects(world), meant.pending,
                         meant.goes_on_sending ? kernel_duty_going_on_sending : kernel_duty});
    }
    return asked;
}

}  // namespace zcv
