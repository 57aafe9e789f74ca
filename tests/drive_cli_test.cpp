#include <algorithm>
#include <catch2/catch.hpp>

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
    {"message too small", {"udp", "--size", "15"}, {"--size 15", "use 16 to 65507"}},
    {"datagram past the MTU", {"udp", "--size", "65508"}, {"use 16 to 65507"}},
    {"IPv6 datagram past the MTU", {"udp", "--ipv6", "--size", "65500"}, {"use 16 to 65487"}},
    {"stream message too large", {"tcp", "--size", "16777217"}, {"use 16 to 16777216"}},
    {"nothing to send", {"udp", "--sends", "0"}, {"--sends 0", "use 1 to"}},
    {"negative number", {"udp", "--sends", "-1"}, {"--sends"}},
    {"no number", {"udp", "--sends", "many"}, {"--sends"}},
    {"batch larger than buffers",
     {"udp", "--batch", "9", "--buffers", "8"},
     {"--buffers 9 or more"}},
    {"too much memory", {"tcp", "--size", "16777216", "--buffers", "100"}, {"1 GiB"}},
    {"CQ smaller than a batch", {"udp", "--cq-entries", "4"}, {"--cq-entries 4", "use 8 to"}},
    {"fixed and sendmsg", {"udp", "--fixed", "--sendmsg"}, {"exclude each other"}},
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
