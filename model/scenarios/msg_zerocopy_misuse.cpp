#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

World one_buffer(World world) {
    world.bounds.buffers = 1;
    return world;
}

// Ids come round again after two calls.
World few_ids() {
    World world = calls(udp_sink, 1, 1);
    world.bounds.ids = 2;
    return world;
}

// One unread message is all the option memory there is.
World little_omem() {
    World world = one_buffer(calls(udp_nic, 2, 1));
    world.bounds.omem = 1;
    return world;
}

const World closing = with_hazards(calls(tcp_nic, 1, 2), {.close_fd = true});
const World failing = with_hazards(calls(udp_sink, 1, 1), {.issue_fails = true});
const World no_memlock = with_hazards(calls(udp_sink, 1, 1), {.memlock = true});
// A message is two calls, and the second one is short and copied.
const World chunks =
    one_buffer(calls({.transport = Transport::tcp, .dma = true, .short_tails = true}, 2, 2));
const std::vector<std::string> one_holder{"S3-refs-exact-reached"};
const std::vector<std::string> nobody_reads{"S3-refs-exact-reached", "S2-stable-data-reached"};

struct Count {
    std::uint64_t states, transitions, depth;
};

KernelScenario row(const std::string& name, const std::string& asks, App app, const World& world,
                   const std::string& broken, const Count& count,
                   const std::vector<std::string>& unasked = {}) {
    return {.name = name,
            .asks = asks,
            .profile = "6.18",
            .app = app,
            .world = world,
            .unasked = unasked,
            .expect = {broken, count.states, count.transitions, count.depth}};
}

// Asked besides: that every send ends for its application.
KernelScenario told(KernelScenario scenario) {
    scenario.eventually = {"L2"};
    return scenario;
}

}  // namespace

// What goes wrong in applications that use MSG_ZEROCOPY, each with its well-behaved twin.
std::vector<KernelScenario> msg_zerocopy_misuse() {
    constexpr auto early = "R1-no-reuse-before-release";
    constexpr auto hangs = "R2-no-wait-in-vain";
    return {
        row("msgzc-last-chunk",
            "The last call of a message was copied: is the message's buffer free when it returns?",
            App::last_chunk_decides, chunks, early, {108, 159, 11}),
        row("msgzc-all-chunks", "The same by an application that waits for the calls before it?",
            App::conforming, chunks, "", {1494, 3021, 55}),
        row("msgzc-close-first",
            "The socket is closed before its notifications were read: are the buffers free?",
            App::close_before_errqueue, closing, early, {25, 31, 8}),
        row("msgzc-close-last", "The same by an application that closes when nothing is out?",
            App::conforming, closing, "", {258, 446, 39}),
        row("msgzc-counts-failures", "What if failed calls are counted too?", App::counter_desync,
            failing, hangs, {58, 72, 17}, nobody_reads),
        row("msgzc-counts-successes", "The same when only calls that succeed are counted?",
            App::conforming, failing, "", {44, 60, 21}, nobody_reads),
        row("msgzc-wrap-special",
            "What if the application believes that after the largest id comes 1?",
            App::wrap_special_case, few_ids(), hangs, {52, 69, 33}, nobody_reads),
        row("msgzc-wrap", "Ids wrap around: does the application still find its calls?",
            App::conforming, few_ids(), "", {34, 46, 21}, nobody_reads),
        row("msgzc-wrong-cmsg", "What if the application does not recognise the message (IPv6)?",
            App::wrong_cmsg_filter, few_ids(), hangs, {18, 23, 11}, nobody_reads),
        row("msgzc-enobufs-waits",
            "What if ENOBUFS is taken for a promise that a release will come?",
            App::enobufs_deadlock, no_memlock, hangs, {9, 8, 5}, nobody_reads),
        row("msgzc-enobufs-copies", "The same by an application that copies then?", App::conforming,
            no_memlock, "", {38, 52, 21}, nobody_reads),
        row("msgzc-no-so-zerocopy", "What if SO_ZEROCOPY was never set?",
            App::so_zerocopy_forgotten, few_ids(), hangs, {6, 5, 5}, nobody_reads),
        row("msgzc-range-as-id", "What if a range is read as one id?", App::range_as_single_id,
            one_buffer(calls(tcp_nic, 2, 2)), hangs, {660, 958, 18}),
        row("msgzc-in-order", "What if ranges are taken to come in order?", App::in_order_ranges,
            calls(udp_nic, 2, 2), early, {1744, 3920, 20}, {"S3-refs-exact-reached", "R2"}),
        row("msgzc-trusts-copied",
            "The data was copied once: may the next buffer be reused when its call returns?",
            App::trusts_copied_code, one_buffer(calls(udp_loopback, 1, 1)), early, {42, 58, 21},
            one_holder),
        told(row("msgzc-unread", "What if nobody ever reads the error queue: does every send end?",
                 App::errqueue_unread, calls(udp_nic, 1, 1), "L2-told", {20, 27, 11}, one_holder)),
        told(row("msgzc-read", "The same by an application that does?", App::conforming,
                 calls(udp_nic, 1, 1), "", {40, 56, 23}, one_holder)),
        row("msgzc-little-omem", "Option memory for one message: do calls go on once it is read?",
            App::conforming, little_omem(), "", {204, 357, 38}, one_holder),
    };
}

}  // namespace zcv
