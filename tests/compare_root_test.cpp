// `zcv compare --measure` on this machine: needs root, io_uring with SEND_ZC, veth and ifb. Skips
// (77) otherwise.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <set>

#include "drive_root.hpp"
#include "model/outcome.hpp"
#include "processes.hpp"
#include "realimpl/compare_xdp.hpp"
#include "realimpl/netns.hpp"

using drive_test::children_of;
using drive_test::execute;
using drive_test::is_running;
using drive_test::need_this_machine;
using drive_test::network_of;
using drive_test::Ran;
using drive_test::run_zcv;
using drive_test::somebody_is_in;
using drive_test::soon;
using drive_test::started;
using nlohmann::json;

namespace {

json measured(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"compare", "--measure", "--format", "json"});
    const Ran ran = run_zcv(arguments);
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    return json::parse(ran.out).at("measured");
}

// Skips where what goes past the sockets was left out.
void need(const json& result, const std::string& what) {
    for (const std::string why : result.at("left_out"))
        if (why.find(what) != std::string::npos) drive_test::skip(why);
}

// Runs the body in a process of its own, whose world ends with it. "" or what went wrong.
std::string in_own_network(const std::function<void()>& body) {
    return started([&] {
               try {
                   zcv::netns::isolate();
                   zcv::netns::configure("ip", {"link set lo up"}, "");
                   body();
               } catch (const zcv::Refusal& refusal) {
                   std::fprintf(stderr, "%s\n", refusal.what());
                   std::fflush(nullptr);
                   ::_exit(1);
               }
               ::_exit(0);
           })
        .wait()
        .err;
}

}  // namespace

TEST_CASE("a measurement says what was copied, and what a system call carried", "[compare][root]") {
    need_this_machine();
    const json result = measured({"--seconds", "2", "--rounds", "3", "--sizes", "4096", "--batch",
                                  "1,8", "--devices", "ifb,veth,lo"});
    // What goes past the sockets may be missing; nothing else.
    for (const std::string why : result.at("left_out")) {
        INFO(why);
        CHECK(why.find("af_xdp") != std::string::npos);
    }
    std::size_t cells = 0;
    for (const json& cell : result.at("cells")) {
        if (cell.at("bypass")) continue;
        ++cells;
        INFO(cell.dump());
        const std::string path = cell.at("path");
        const bool zero_copy = path != "send" && path != "io_send";
        const double copied = cell.at("copied_share");
        // Nobody can read from an ifb or a card; on loopback the reader gets a copy.
        if (!zero_copy || cell.at("device") == "lo")
            CHECK(copied == 1);
        else
            CHECK(copied < (cell.at("transport") == "tcp" ? 0.2 : 0.01));
        const double rate = cell.at("requests_per_s").at("median");
        CHECK(rate > 100);
        CHECK(cell.at("requests_per_s").at("low") <= rate);
        CHECK(cell.at("requests_per_s").at("high") >= rate);
        CHECK(cell.at("cpu_us_per_request").at("median") > 0.05);
        CHECK(cell.at("mb_per_s").get<double>() == Approx(rate * 4096 / 1e6));
        if (cell.at("device") != "ifb") continue;
        const double calls = cell.at("system_calls_per_request");
        const double batch = cell.at("batch");
        // A call and the reading of its range, which ends with a look at an empty queue.
        if (path == "msg_zerocopy")
            CHECK(calls == Approx(1 + 2 / batch).margin(0.3));
        else
            CHECK(calls == Approx(1 / batch).margin(0.05));
        if (path == "msg_zerocopy" && batch == 1) CHECK(cell.at("ratio").at("median") == 1);
    }
    CHECK(cells == 5 * 9);
}

TEST_CASE("frames of AF_XDP arrive, in packets of one frame and of sixteen", "[compare][root]") {
    need_this_machine();
    const json result = measured({"--seconds", "2", "--rounds", "3", "--sizes", "600,65435",
                                  "--batch", "1,8", "--devices", "ifb,veth-drop,veth,veth-plain"});
    need(result, "af_xdp");
    std::size_t cells = 0;
    for (const json& cell : result.at("cells")) {
        if (cell.at("transport") == "udp") {
            // Every datagram, by whatever way. A device counts what it drops; a receiver that a
            // busy machine leaves waiting may find its buffer full.
            INFO(cell.dump());
            const std::string device = cell.at("device");
            const bool counted = device == "ifb" || device == "veth-drop";
            CHECK(cell.at("received_share") == Approx(1).margin(counted ? 0.02 : 0.3));
        }
        if (cell.at("path") != "af_xdp") continue;
        ++cells;
        CHECK(cell.at("bypass") == true);
        CHECK(cell.at("copied_share") == 1);
        CHECK(cell.at("ratio").at("median") > 0.1);
        // A call a batch; older kernels take 32 frames in one.
        const double batch = cell.at("batch");
        CHECK(cell.at("system_calls_per_request") >= Approx(1 / batch).margin(0.01));
        CHECK(cell.at("system_calls_per_request") <= 1.1);
    }
    CHECK(cells == 4 * 2 * 2);
}

TEST_CASE("a frame is not sent again before it is completed", "[compare][root]") {
    need_this_machine();
    const std::string why = in_own_network([] {
        using zcv::Refusal;
        zcv::compare::Frames frames("lo", 9, 2, 6000);
        std::vector<std::byte> payload(6000);
        zcv::drive::Send send;
        send.name = 7;
        send.buffer = 1;
        send.bytes = payload;
        const auto given = [] { return zcv::netns::packets_given(::getpid(), "lo"); };
        const std::uint64_t before = given();
        frames.queue(send);
        bool refused = false;
        try {
            frames.queue(send);
        } catch (const Refusal& refusal) {
            refused = std::string(refusal.what()).find("2 of its frames") != std::string::npos;
        }
        if (!refused) throw Refusal(zcv::Status::internal, "sent again, and nobody minded");
        std::vector<zcv::drive::Said> said;
        for (int i = 0; i < 100 && said.empty(); ++i) {
            frames.submit_and_wait(std::chrono::milliseconds(10));
            frames.take(said);
        }
        if (said.size() != 1 || said.front().name != 7 || said.front().result != 6000)
            throw Refusal(zcv::Status::internal, "it was not completed once, as a whole");
        if (given() != before + 1) throw Refusal(zcv::Status::internal, "it was not sent once");
        frames.queue(send);
    });
    if (why.find("af_xdp") == std::string::npos && why.find("socket") != std::string::npos)
        drive_test::skip("no AF_XDP here: " + why);
    CHECK(why.empty());
}

TEST_CASE("DPDK gives every buffer back, and says when it is not there", "[compare][root]") {
    need_this_machine();
    const std::vector<std::string> arguments{"compare",   "--measure", "--seconds", "1",
                                             "--rounds",  "1",         "--sizes",   "4096",
                                             "--devices", "ifb,null",  "--format",  "json"};
    const Ran without = started([&] {
                            ::setenv("ZCV_DPDK", "/nonexistent", 1);
                            execute(ZCV_PROGRAM, arguments);
                        }).wait();
    REQUIRE(without.status == 0);
    CHECK_THAT(json::parse(without.out).at("measured").at("left_out").dump(),
               Catch::Contains("udp null: ZCV_DPDK: /nonexistent"));
    const Ran ran = run_zcv(arguments);
    REQUIRE(ran.status == 0);
    const json result = json::parse(ran.out).at("measured");
    need(result, "udp null");
    std::size_t cells = 0;
    for (const json& cell : result.at("cells")) {
        if (cell.at("path") != "dpdk") continue;
        INFO(cell.dump());
        ++cells;
        CHECK(cell.at("device") == "null");
        CHECK(cell.at("bypass") == true);
        CHECK(cell.at("received_share") == 1);
        CHECK(cell.at("copied_share") == 0);
        CHECK(cell.at("system_calls_per_request") == 0);
        // Beside a system call each, or it measured something else.
        CHECK(cell.at("ratio").at("median") > 2);
    }
    CHECK(cells == 2);
    // Where DPDK would have kept its own files.
    CHECK_FALSE(std::filesystem::exists("/run/dpdk/rte"));
}

TEST_CASE("a measurement that is stopped leaves nothing behind", "[compare][root]") {
    need_this_machine();
    for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
        const auto run = started([&] {
            execute(ZCV_PROGRAM,
                    {"compare", "--measure", "--seconds", "60", "--devices", "ifb,veth"});
        });
        std::set<pid_t> all;
        std::set<std::string> networks;
        // A sender for each of three places, and two receivers.
        REQUIRE(soon([&] {
            for (const pid_t sender : children_of(run.pid)) {
                all.insert(sender);
                for (const pid_t receiver : children_of(sender)) all.insert(receiver);
            }
            std::erase_if(all, [](pid_t pid) { return !is_running(pid); });
            networks.clear();
            for (const pid_t pid : all) networks.insert(network_of(pid));
            networks.erase(network_of(::getpid()));
            return networks.size() == 5;
        }));
        ::usleep(200'000);
        ::kill(run.pid, signal);
        CHECK(run.wait().status == 128 + signal);
        CHECK(soon([&] {
            return std::ranges::none_of(all, is_running) &&
                   std::ranges::none_of(networks, somebody_is_in);
        }));
        CHECK(children_of(::getpid()).empty());
    }
}

TEST_CASE("without root it measures on lo and says what was left out", "[compare][root]") {
    need_this_machine();
    const Ran ran = started([] {
                        // nobody, who may not make a namespace either
                        if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(121);
                        execute(ZCV_PROGRAM, {"compare", "--measure", "--seconds", "1", "--rounds",
                                              "1", "--sizes", "600", "--batch", "8"});
                    }).wait();
    INFO(ran.out << ran.err);
    REQUIRE(ran.status == 0);
    CHECK_THAT(ran.out, Catch::Contains("udp lo, 600 bytes"));
    for (const char* place : {"udp veth-drop", "udp veth"})
        if (ran.out.find(std::string(place) + ", 600 bytes") == std::string::npos)
            CHECK_THAT(ran.out, Catch::Contains(std::string("left out: ") + place + ": "));
    // Where this user may make namespaces, what is in them is its own.
    if (ran.out.find("udp ifb, 600 bytes") != std::string::npos)
        CHECK_THAT(ran.out, Catch::Contains("udp veth-plain, 600 bytes"));
}

TEST_CASE("a prediction stands beside what was measured in the same rounds", "[compare][root]") {
    need_this_machine();
    const Ran ran = run_zcv({"compare", "--simulate", "--measure", "--format", "json", "--seconds",
                             "3", "--rounds", "3", "--sizes", "600,65435", "--devices", "ifb,lo"});
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    const json result = json::parse(ran.out).at("simulated");
    // Both sizes, send and MSG_ZEROCOPY, and four ways in batches of 1 and 8 less one.
    REQUIRE(result.at("cells").size() == 2 * 9);
    CHECK_THAT(result.at("left_out").dump(), Catch::Contains("udp lo: not simulated"));
    std::size_t counted = 0;
    for (const json& cell : result.at("cells")) {
        INFO(cell.dump());
        counted += cell.at("not_counted") == "" || cell.at("not_counted") == "disturbed";
        CHECK(cell.at("ns_per_request") > 100);
        CHECK(cell.at("measured_ns_per_request") > 100);
        double steps = 0;
        for (const json& step : cell.at("steps")) steps += step.at("ns").get<double>();
        CHECK(steps == Approx(cell.at("ns_per_request").get<double>()));
        // Far wider than the errors that are claimed: three short rounds on a busy machine.
        CHECK(std::abs(cell.at("error").get<double>()) < 1);
    }
    // Nothing is tuned to: only the baselines say nothing.
    CHECK(counted == 2 * 9 - 2);
    // Where zero copy begins to win: with an interval of what was simulated and what was measured.
    REQUIRE(result.at("crossovers").size() == 5);
    const auto size_of = [](const json& bytes) {
        return bytes.is_null() ? 1e9 : bytes.get<double>();
    };
    for (const json& each : result.at("crossovers")) {
        INFO(each.dump());
        const double measured = size_of(each.at("measured_bytes"));
        CHECK(size_of(each.at("measured_bytes_low")) <= measured);
        CHECK(size_of(each.at("measured_bytes_high")) >= measured);
        CHECK(size_of(each.at("simulated_bytes_low")) <= size_of(each.at("simulated_bytes_high")));
        if (each.at("zero_copy") == "fixed x8") CHECK(size_of(each.at("simulated_bytes")) < 65435);
    }
    const json costs = result.at("costs_ns").at(1).at("ns");
    CHECK(costs.at("copy") > 500);
    CHECK(costs.at("pin") > 100);
    CHECK(costs.at("device") == 0);
}
