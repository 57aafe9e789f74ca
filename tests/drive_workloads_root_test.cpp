// Every option, event and misuse of `zcv drive` on this machine, each run accounted for to the last
// send. What a kernel lacks is skipped with its reason.
#include <algorithm>
#include <set>

#include "drive_root.hpp"
#include "realimpl/drive_names.hpp"

using drive_test::check_conforming;
using drive_test::drive;
using drive_test::need_this_machine;
using drive_test::Ran;
using drive_test::words_of;
using nlohmann::json;

namespace {

// Nothing where this kernel cannot: the reason is shown, and is one line.
json report_of(const std::string& arguments) {
    const Ran ran = drive(words_of(arguments));
    INFO(arguments << ": " << ran.err);
    CHECK((ran.status == 0 || ran.status == 4));
    if (ran.status == 4) {
        WARN("skipped: " << arguments << ": " << ran.err);
        CHECK(std::ranges::count(ran.err, '\n') == 1);
        return {};
    }
    REQUIRE(ran.status == 0);
    return json::parse(ran.out);
}

std::uint64_t number(const json& report, const char* field) {
    return report[field].get<std::uint64_t>();
}

// What an option shows in the report; less than the bound means that it had no effect.
struct Effect {
    const char* arguments;
    const char* field = nullptr;
    std::uint64_t low = 0;
    std::uint64_t high = ~std::uint64_t{0};
};

void check_effect(const Effect& effect, const std::string& arguments) {
    const bool counted = arguments.find("--sends") != std::string::npos;
    const json report = report_of(arguments + (counted ? "" : " --sends 300"));
    if (report.is_null()) return;
    check_conforming(report, number(report, "sends"));
    if (effect.field == nullptr) return;
    INFO(arguments << ": " << report.dump(1));
    CHECK(number(report, effect.field) >= effect.low);
    CHECK(number(report, effect.field) <= effect.high);
}

// Both workloads, over the veth.
constexpr Effect both[]{
    {"--fixed", "zero_copied", 100},
    {"--api sendmsg_zc", "zero_copied", 100},
    {"--api sendmsg_zc --vectors 5", "zero_copied", 100},
    {"--api sendmsg_zc --fixed --vectors 3", "zero_copied", 100},
    {"--api msg_zerocopy", "zero_copied", 300, 300},
    {"--api msg_zerocopy --vectors 5 --ipv6", "zero_copied", 300, 300},
    {"--api msg_zerocopy --optmem 1000", "retries", 1},
    {"--api io_send", "announced", 0, 0},
    {"--api send --vectors 2", "announced", 0, 0},
    {"--defer-taskrun", "zero_copied", 100},
    {"--sqpoll", "zero_copied", 100},
    {"--fixed --defer-taskrun --ipv6", "zero_copied", 100},
    {"--no-report-usage"},
    {"--poll-first", "zero_copied", 100},
    {"--async", "zero_copied", 1},
    {"--decoys", "decoys", 300, 300},
    {"--size 1-60000", "zero_copied", 1},
    {"--size 1,15-17,4k", "zero_copied", 1},
    {"--size 65487", "zero_copied", 1},
    {"--size 1", "zero_copied", 1},
    {"--batch 1 --buffers 1", "requests", 300, 300},
    {"--batch 64 --buffers 64 --size 100"},
    {"--mtu 1500"},
    {"--sniffer", "zero_copied", 0, 0},
    {"--device veth-plain", "zero_copied", 0, 0},
    {"--device tap", "zero_copied", 0, 0},
    {"--device ifb-peer --rate 200mbit", "zero_copied", 1},
    {"--fault address", "failed", 1},
    {"--fault descriptor", "failed", 1},
    {"--fault skip-success", "failed", 1},
    {"--memlock 120000", "retries", 1},
    {"--pause-ms 200 --rcvbuf 65536"},
    {"--drain --api io_send"},
    {"--device nic"},  // in a machine that has two
};

constexpr Effect each[]{
    {"udp --link", "zero_copied", 300, 300},
    {"udp --link --fault address", "retries", 1},
    {"udp --dontwait --sndbuf 4096 --rate 100mbit", "retries", 1},
    {"udp --mtu 1500 --size 9000", "zero_copied", 0, 0},
    {"tcp --size 1-1m --buffers 8 --sends 100", "zero_copied", 1},
    {"tcp --more --size 100 --batch 64 --buffers 64", "copied", 100},
    {"tcp --tail-copy", "requests", 600},
    {"tcp --tail-copy --tail-bytes 1000", "zero_copied", 1},
    {"tcp --no-tso --mtu 1500", "zero_copied", 1},
    {"tcp --tls", "refused", 300, 300},
    {"udp --device dummy", "zero_copied", 300, 300},
    {"tcp --sends 80 --size 100k --sndbuf 4096 --rcvbuf 8192", "short_sends", 0, 0},
    {"tcp --sends 80 --size 100k --sndbuf 4096 --no-waitall", "short_sends", 1},
    {"tcp --sends 80 --size 100k --sndbuf 4096 --no-waitall --dontwait", "retries", 81},
    {"tcp --sends 80 --size 100k --sndbuf 4096 --dontwait --pause-ms 100 --rcvbuf 4096", "retries",
     1},
    {"tcp --sends 80 --size 100k --mtu-probing --mtu 9000 --rate 2gbit", "mtu_probes", 1},
    {"tcp --api msg_zerocopy --sends 80 --size 100k --sndbuf 8192 --dontwait", "short_sends", 1},
};

// Where an event finds data in flight; peer-reset and the linked timeout are seen by their effect.
std::string event_arguments(const std::string& event, const std::string& workload) {
    std::string arguments = workload + " --event " + event;
    if (event == "unregister") arguments += " --fixed";
    if (event == "cancel" || event == "link-timeout")
        arguments += workload == "tcp"
                         ? " --size 64k --sends 60 --sndbuf 8192 --rcvbuf 8192 --pause-ms 100"
                         : " --size 60000 --sends 40 --sndbuf 8192 --rate 50mbit";
    return arguments;
}

void check_event(const std::string& event, const json& report) {
    INFO(report.dump(1));
    CHECK(report["completed"] == report["requests"]);
    CHECK(number(report, "notified") + number(report, "abandoned") ==
          number(report, "announced") + number(report, "notifications_unannounced"));
    CHECK(number(report, "rewrites_early") == 0);
    CHECK(number(report, "accepted") > 0);
    const json& receiver = report["receiver"];
    CHECK(number(receiver, "wrong") == 0);
    CHECK(number(receiver, "right") + number(receiver, "lost") == number(report, "accepted"));
    if (event == "peer-reset") {
        CHECK(number(report, "failed") > 0);
        return;
    }
    CHECK(number(receiver, "lost") == 0);
    const bool timed = event == "link-timeout";
    CHECK(number(report, timed ? "event_hits" : "event_in_flight") > 0);
    const bool leaves = event == "ring-exit" || event == "exit" || event == "exec";
    if (leaves) CHECK(number(report, "abandoned") > 0);
}

// The harm a misuse is said to do, and only that one.
void check_harm(const zcv::drive::NamedMisuse& misuse, const json& report) {
    using zcv::drive::Harm;
    INFO(report.dump(1));
    const json& receiver = report["receiver"];
    const bool wrong = misuse.harm == Harm::bytes || misuse.harm == Harm::messages;
    CHECK((number(receiver, "wrong") > 0) == wrong);
    CHECK((number(receiver, "wrong_bytes") > 0) == wrong);
    CHECK((number(report, "awaited_in_vain") > 0) == (misuse.harm == Harm::hang));
    CHECK((number(receiver, "lost") > 0) == (misuse.harm == Harm::loss));
}

}  // namespace

TEST_CASE("every option of both workloads runs to its end and is right", "[drive][root]") {
    need_this_machine();
    for (const std::string workload : {"udp ", "tcp "})
        for (const Effect& effect : both) check_effect(effect, workload + effect.arguments);
}

TEST_CASE("the options of one workload run to their end and are right", "[drive][root]") {
    need_this_machine();
    for (const Effect& effect : each) check_effect(effect, effect.arguments);
}

TEST_CASE("what is delayed and reordered arrives all the same", "[drive][root]") {
    need_this_machine();
    for (const std::string workload : {"udp", "tcp"}) {
        const Ran ran = drive({workload, "--netem", "delay 5ms 2ms reorder 25%", "--sends", "100"});
        INFO(ran.err);
        if (ran.status == 4) {
            WARN("skipped: --netem: " << ran.err);
            CHECK(std::ranges::count(ran.err, '\n') == 1);
            continue;
        }
        REQUIRE(ran.status == 0);
        check_conforming(json::parse(ran.out), 100);
    }
}

TEST_CASE("whatever happens in flight, every send is accounted for", "[drive][root]") {
    need_this_machine();
    for (const auto& event : zcv::drive::events())
        for (const std::string workload : {"udp", "tcp"}) {
            if (event.value == zcv::drive::Event::peer_reset && workload == "udp") continue;
            INFO(event.name << " " << workload);
            const json report = report_of(event_arguments(event.name, workload));
            if (!report.is_null()) check_event(event.name, report);
        }
}

TEST_CASE("without a ring the same is true of the error queue", "[drive][root]") {
    need_this_machine();
    for (const std::string event : {"close", "shutdown", "peer-reset", "fork", "remap", "exit"}) {
        INFO(event);
        const json report = report_of("tcp --api msg_zerocopy --event " + event);
        if (report.is_null()) continue;
        CHECK(number(report["receiver"], "wrong") == 0);
        CHECK(number(report, "notified") + number(report, "abandoned") ==
              number(report, "announced"));
        CHECK((number(report, "abandoned") > 0) == (event == "close" || event == "exit"));
    }
}

TEST_CASE("every misuse does its harm, and its conforming twin none", "[drive][root]") {
    need_this_machine();
    std::set<std::string> twins;  // one serves many
    for (const auto& misuse : zcv::drive::misuses()) {
        INFO(misuse.name);
        const std::string arguments = misuse.arguments;
        const json report = report_of(arguments + " --misuse " + misuse.name);
        if (report.is_null()) continue;
        check_harm(misuse, report);
        if (!twins.insert(arguments).second) continue;
        const bool rated = arguments.find("--rate") != std::string::npos;
        const json twin = report_of(arguments + (rated ? "" : " --rate 200mbit"));
        REQUIRE_FALSE(twin.is_null());
        check_conforming(twin, number(twin, "sends"));
    }
}

TEST_CASE("notifications out of order are told apart by number alone", "[drive][root]") {
    need_this_machine();
    const std::string arguments = "udp --api msg_zerocopy --decoys --rate 100mbit --sends 400";
    const json twin = report_of(arguments);
    REQUIRE_FALSE(twin.is_null());
    check_conforming(twin, 400);
    CHECK(number(twin, "decoys") == 400);
    const json report = report_of(arguments + " --misuse fifo-notifs");
    REQUIRE_FALSE(report.is_null());
    CHECK(number(report["receiver"], "wrong") > 0);
}

// The ground truth: where the kernel copies, the same rewriting changes nothing that arrives.
TEST_CASE("an early rewrite of what is copied at once is harmless", "[drive][root]") {
    need_this_machine();
    const json report = report_of("udp --device veth-plain --rate none --misuse first-cqe");
    REQUIRE_FALSE(report.is_null());
    CHECK(number(report, "zero_copied") == 0);
    CHECK(number(report["receiver"], "wrong") == 0);
}

TEST_CASE("a drained zero-copy send is given up with its remedy", "[drive][root]") {
    need_this_machine();
    const Ran ran = drive({"udp", "--drain", "--sends", "20", "--stall-ms", "500"});
    INFO(ran.err);
    if (ran.status == 0) return;  // a kernel without that bug
    CHECK(ran.status == 4);
    CHECK_THAT(ran.err, Catch::Contains("leave out --drain"));
}
