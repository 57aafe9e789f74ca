#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "drive_program.hpp"
#include "model/outcome.hpp"
#include "realimpl/drive_options.hpp"

using drive_test::Ran;
using drive_test::run_zcv;

namespace {

struct Mistake {
    const char* name;
    std::vector<std::string> arguments;
    std::vector<std::string> says;
};

const std::vector<Mistake> mistakes{
    {"no workload", {}, {"no workload", "udp", "tcp"}},
    {"unknown workload", {"upd"}, {"'upd'", "use one of: udp, tcp"}},
    {"unknown device", {"udp", "--device", "ibf"}, {"device 'ibf'", "use one of: ifb, "}},
    {"unknown misuse",
     {"udp", "--misuse", "first-cqes"},
     {"'first-cqes'", "use one of: first-cqe"}},
    {"no rate", {"udp", "--rate", "fast"}, {"'fast'", "1mbit to 100gbit"}},
    {"rate without unit", {"udp", "--rate", "200"}, {"'200'"}},
    {"rate too low", {"udp", "--rate", "5kbit"}, {"'5kbit'"}},
    {"rate past 64 bits", {"udp", "--rate", "99999999999999gbit"}, {"99999999999999gbit"}},
    {"message too small", {"udp", "--size", "0"}, {"--size 0", "use 1 to 65507"}},
    {"no size", {"udp", "--size", "64-"}, {"'64-'", "1-64k"}},
    {"range upside down", {"udp", "--size", "9-1"}, {"'9-1'"}},
    {"a mix past the MTU", {"udp", "--size", "1,100k"}, {"use 1 to 65507"}},
    {"datagram past the MTU", {"udp", "--size", "65508"}, {"use 1 to 65507"}},
    {"IPv6 datagram past the MTU", {"udp", "--ipv6", "--size", "65500"}, {"use 1 to 65487"}},
    {"stream message too large", {"tcp", "--size", "16777217"}, {"use 1 to 16777216"}},
    {"nothing to send", {"udp", "--sends", "0"}, {"--sends 0", "use 1 to"}},
    {"negative number", {"udp", "--sends", "-1"}, {"--sends: -1: give a whole number from 0"}},
    {"negative seed", {"udp", "--seed", "-1"}, {"--seed: -1: give a whole number from 0"}},
    {"negative limit", {"udp", "--memlock", "-1"}, {"--memlock: -1: give a whole number"}},
    {"half a message", {"udp", "--sends", "1.5"}, {"--sends: 1.5: give a whole number"}},
    {"more than 64 bits", {"udp", "--seed", "99999999999999999999"}, {"give a whole number"}},
    {"no number", {"udp", "--sends", "many"}, {"--sends: many: give a whole number"}},
    {"batch larger than buffers",
     {"udp", "--batch", "9", "--buffers", "8"},
     {"--buffers 9 or more"}},
    {"too much memory", {"tcp", "--size", "16777216", "--buffers", "100"}, {"1 GiB"}},
    {"CQ smaller than a batch", {"udp", "--cq-entries", "4"}, {"--cq-entries 4", "use 8 to"}},
    {"unknown api", {"udp", "--api", "sendzc"}, {"api 'sendzc'", "use one of: send_zc"}},
    {"fixed without a ring", {"udp", "--api", "send", "--fixed"}, {"--api send_zc"}},
    {"a ring's option without one",
     {"udp", "--api", "msg_zerocopy", "--async"},
     {"--async", "use --api send_zc"}},
    {"vectors of a single buffer", {"udp", "--vectors", "2"}, {"--api sendmsg_zc"}},
    {"datagrams with MSG_MORE", {"udp", "--more"}, {"use the workload tcp"}},
    {"an error queue that is not there", {"udp", "--optmem", "1000"}, {"--api msg_zerocopy"}},
    {"a dummy that should answer", {"tcp", "--device", "dummy"}, {"use the workload udp"}},
    {"two shapers", {"udp", "--netem", "delay 1ms", "--rate", "9mbit"}, {"--netem and --rate"}},
    {"words that are none", {"udp", "--netem", "loss 1%\nqdisc"}, {"tc-netem(8)"}},
    {"encrypted datagrams", {"udp", "--tls"}, {"use the workload tcp"}},
    {"datagrams without TSO", {"udp", "--no-tso"}, {"use the workload tcp"}},
    {"a tail of nothing", {"tcp", "--tail-bytes", "9"}, {"add --tail-copy"}},
    {"MTU of the loopback", {"udp", "--device", "lo", "--mtu", "1500"}, {"leave out lo"}},
    {"a sink that pauses", {"udp", "--device", "ifb", "--pause-ms", "9"}, {"use --device veth"}},
    {"a datagram's peer that resets", {"udp", "--event", "peer-reset"}, {"use the workload tcp"}},
    {"an event past the end", {"udp", "--event", "exit", "--event-at", "1001"}, {"use 1 to 1000"}},
    {"unregister nothing", {"udp", "--event", "unregister"}, {"add --fixed"}},
    {"remap what is pinned", {"udp", "--fixed", "--event", "remap"}, {"leave out --fixed"}},
    {"misuse of what copies", {"udp", "--api", "send", "--misuse", "first-cqe"}, {"msg_zerocopy"}},
    {"misuse of another event",
     {"udp", "--misuse", "close", "--event", "exit"},
     {"--misuse close and --event exit", "leave one out"}},
    {"sqpoll and defer", {"udp", "--sqpoll", "--defer-taskrun"}, {"exclude each other"}},
    {"unknown format", {"udp", "--format", "xml"}, {"--format"}},
    {"unknown option", {"udp", "--sendz", "4"}, {"--sendz"}},
};

}  // namespace

TEST_CASE("a wrong drive command line is one line, status 2, and nothing on stdout", "[drive]") {
    for (const Mistake& mistake : mistakes) {
        DYNAMIC_SECTION(mistake.name) {
            std::vector<std::string> arguments{"drive"};
            std::ranges::copy(mistake.arguments, std::back_inserter(arguments));
            const Ran ran = run_zcv(arguments);
            INFO(ran.err);
            CHECK(ran.status == 2);
            CHECK(ran.out.empty());
            CHECK(ran.err.starts_with("zcv: "));
            CHECK(std::ranges::count(ran.err, '\n') == 1);
            for (const std::string& text : mistake.says) CHECK_THAT(ran.err, Catch::Contains(text));
        }
    }
}

TEST_CASE("drive --list names every workload, device and misuse", "[drive]") {
    const Ran ran = run_zcv({"drive", "--list"});
    CHECK(ran.status == 0);
    for (const auto& one : zcv::drive::workloads()) CHECK_THAT(ran.out, Catch::Contains(one.name));
    for (const auto& one : zcv::drive::devices()) CHECK_THAT(ran.out, Catch::Contains(one.name));
    for (const auto& one : zcv::drive::misuses()) CHECK_THAT(ran.out, Catch::Contains(one.name));
}

TEST_CASE("drive --list as JSON has an example of every misuse", "[drive]") {
    const Ran ran = run_zcv({"drive", "--list", "--format", "json"});
    REQUIRE(ran.status == 0);
    const auto list = nlohmann::json::parse(ran.out);
    CHECK(list["schema_version"] == 1);
    for (const char* part : {"workloads", "devices", "apis", "options", "faults", "events"}) {
        INFO(part);
        REQUIRE(list[part].size() > 1);
        for (const auto& one : list[part]) CHECK(one["about"].get<std::string>().size() > 4);
    }
    REQUIRE(list["misuses"].size() == zcv::drive::misuses().size());
    for (const auto& one : list["misuses"])
        CHECK_THAT(one["example"].get<std::string>(),
                   Catch::StartsWith("zcv drive ") &&
                       Catch::EndsWith(" --misuse " + one["name"].get<std::string>()));
}

// What only makes sense together says what is missing.
TEST_CASE("a misuse whose example loses an option is refused with that option", "[drive]") {
    for (const auto& misuse : zcv::drive::misuses()) {
        std::istringstream words(misuse.arguments);
        std::string workload;
        std::string first;
        words >> workload >> first;
        if (first.empty() || first == "--size" || first == "--buffers" || first == "--device")
            continue;
        DYNAMIC_SECTION(misuse.name) {
            const Ran ran = run_zcv({"drive", workload, "--misuse", misuse.name});
            if (ran.status == 0) continue;  // harmless without it, as fork is
            INFO(ran.err);
            CHECK(ran.status == 2);
            CHECK(std::ranges::count(ran.err, '\n') == 1);
            CHECK_THAT(ran.err, Catch::Contains(misuse.name));
        }
    }
}

TEST_CASE("drive --help ends with examples", "[drive]") {
    const Ran ran = run_zcv({"drive", "--help"});
    CHECK(ran.status == 0);
    CHECK_THAT(ran.out, Catch::Contains("Examples:") && Catch::Contains("zcv drive udp"));
}

TEST_CASE("a misuse is shaped unless the command line says otherwise", "[drive]") {
    zcv::drive::Options options;
    options.workload = "udp";
    CHECK(zcv::drive::plan_of(options).rate_bits == 0);
    options.misuse = "first-cqe";
    CHECK(zcv::drive::plan_of(options).rate_bits == 200'000'000);
    options.rate = "none";
    CHECK(zcv::drive::plan_of(options).rate_bits == 0);
    options.rate = "3gbit";
    CHECK(zcv::drive::plan_of(options).rate_bits == 3'000'000'000);
}

TEST_CASE("only datagrams into the ifb go to nobody", "[drive]") {
    zcv::drive::Options options;
    options.device = "ifb";
    options.workload = "udp";
    CHECK_FALSE(zcv::drive::plan_of(options).has_receiver());
    options.workload = "tcp";
    CHECK(zcv::drive::plan_of(options).device == zcv::drive::Device::ifb_peer);
    CHECK(zcv::drive::plan_of(options).has_receiver());
}
