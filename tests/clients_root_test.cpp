// zcv run on programs that know nothing of it (tests/clients): what is right is CLEAN to the last
// record, and what is wrong is named. Needs root and BPF: without them it exits with 77 and says
// why.
#define CATCH_CONFIG_RUNNER
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/program.hpp"

using namespace zcv::test;
using nlohmann::json;

namespace {

// One run of the client: what zcv says of it, and what the client itself printed.
struct Judged {
    int status = -1;
    json report;
    std::string err;
    std::vector<std::uint64_t> changed;  // sends whose content the client says it changed
};

Judged judged_once(const std::string& client, const std::string& program) {
    const Ran ran = run_shell(shell_quoted(ZCV_PROGRAM) + " run --hash full --format json -- " +
                              shell_quoted(program) + " " + client);
    INFO(client << ": " << ran.err << ran.out);
    REQUIRE(ran.err.find("client: ") == std::string::npos);
    const std::size_t begin = ran.out.find('{');
    REQUIRE(begin != std::string::npos);
    Judged found{ran.status, json::parse(ran.out.substr(begin)), ran.err, {}};
    std::istringstream names(ran.out.substr(0, begin));
    for (std::uint64_t name = 0; names >> name;) found.changed.push_back(name);
    return found;
}

// What went unseen may leave a record unexplained: then it is run again.
Judged judged(const std::string& client, const std::string& program = ZCV_CLIENT) {
    for (int attempt = 1;; ++attempt) {
        Judged found = judged_once(client, program);
        const bool hidden =
            !found.report["divergence"].is_null() && found.report["blind_spells"] > 0;
        if (!hidden || attempt == 5) return found;
        std::cerr << client << ": packets went unseen, once more\n";
    }
}

// Who is accused of breaking the rule, by user_data, each once.
std::vector<std::uint64_t> accused(const json& report, const std::string& rule) {
    std::vector<std::uint64_t> names;
    for (const json& violation : report["violations"])
        if (violation["property"].get<std::string>().starts_with(rule + "-"))
            names.push_back(violation["request"]);
    std::ranges::sort(names);
    return names;
}

void check_explained(const json& report) {
    CHECK(report["divergence"].is_null());
    CHECK(report["matched"] == report["records"]);
    CHECK(report["lost"] == 0);
    CHECK(report["sends"] > 0);
}

void check_clean(const std::string& client) {
    const Judged found = judged(client);
    INFO(client << ": " << found.report.dump(1));
    CHECK(found.status == 0);
    CHECK(found.report["verdict"] == "CLEAN");
    check_explained(found.report);
    CHECK(found.report["violations"].empty());
}

bool says(const json& report, const std::string& part) {
    return std::ranges::any_of(report["reasons"], [&](const json& reason) {
        return reason.get<std::string>().find(part) != std::string::npos;
    });
}

}  // namespace

TEST_CASE("a stream with losses, splits and retransmissions is never accused", "[root]") {
    const Judged found = judged("lossy-tcp");
    INFO(found.report.dump(1));
    CHECK(found.report["verdict"] != "VIOLATION");
    CHECK(found.report["violations"].empty());
    CHECK(found.report["sends"] == 60);
}

// "usage" asks the kernel whether the data was copied, and so checks the model of every copy.
TEST_CASE("every way to send, used rightly, is CLEAN", "[root]") {
    for (const std::string mode : {"udp usage",        "tcp usage",      "udp-wire",
                                   "tcp-wire usage",   "udp-sink usage", "udp-copied usage",
                                   "tcp-copied usage", "udp6 usage",     "tcp6",
                                   "udp-defer usage",  "tcp-defer",      "udp-sqpoll",
                                   "tcp-sqpoll usage", "unconnected",    "sendmsg1",
                                   "sendmsg3 usage",   "sendmsg20",      "sendmsg20-tcp",
                                   "empty usage",      "empty-tcp",      "above-mtu usage",
                                   "constant usage",   "constant-tcp",   "overlap",
                                   "corked",           "poll-first",     "poll-first-udp",
                                   "async usage",      "async-tcp",      "fixed",
                                   "linked usage",     "waitall usage"})
        DYNAMIC_SECTION(mode) {
            check_clean(mode);
        }
}

TEST_CASE("a hundred small sends in one chain are CLEAN", "[root]") {
    check_clean("more usage");
}

TEST_CASE("every path through this machine is CLEAN", "[root]") {
    for (const std::string mode : {"segments usage", "bridge usage", "bridge-tcp", "router",
                                   "router-tcp usage", "tap usage", "tap-tcp", "lossy usage"})
        DYNAMIC_SECTION(mode) {
            check_clean(mode);
        }
}

TEST_CASE("several rings, threads and processes are CLEAN", "[root]") {
    for (const std::string mode : {"two-rings usage", "threads", "threads-tcp", "children"})
        DYNAMIC_SECTION(mode) {
            check_clean(mode);
        }
}

TEST_CASE("a full CQ ring is CLEAN where each send has a name of its own", "[root]") {
    for (const std::string mode : {"overflow", "overflow-tcp usage"}) DYNAMIC_SECTION(mode) {
            check_clean(mode);
        }
}

TEST_CASE("where overflown CQEs fit several sends nobody is accused", "[root]") {
    const json report = judged("overflow-nameless").report;
    INFO(report.dump(1));
    CHECK(report["verdict"] == "INCONCLUSIVE");
    CHECK(report["violations"].empty());
    CHECK(says(report, "is a guess"));
}

TEST_CASE("what fails is explained and breaks no rule", "[root]") {
    for (const std::string mode :
         {"errors", "nobody-listens", "reset", "closed-unread usage", "shutdown", "abort", "close"})
        DYNAMIC_SECTION(mode) {
            check_clean(mode);
        }
}

TEST_CASE("a program may end while its data is on its way", "[root]") {
    for (const std::string mode : {"exit", "killed", "killed-tcp", "exec", "never-read"})
        DYNAMIC_SECTION(mode) {
            check_clean(mode);
        }
}

TEST_CASE("sends cancelled with their link break S10, and nothing else does", "[root]") {
    const Judged found = judged("link-cancel");
    INFO(found.report.dump(1));
    CHECK(found.status == 1);
    check_explained(found.report);
    CHECK(accused(found.report, "S10") == std::vector<std::uint64_t>{2, 3});
    CHECK(found.report["violations"].size() == 2);
}

TEST_CASE("a drained send that never starts is said to", "[root]") {
    const Judged found = judged("drain");
    INFO(found.report.dump(1));
    CHECK(found.status == 3);
    check_explained(found.report);
    CHECK(found.report["violations"].empty());
    CHECK(says(found.report, "never started"));
}

TEST_CASE("a watchpoint names the line that writes too early, and no line of who waits", "[root]") {
    for (int run = 0; run < 3; ++run) {
        const Judged found = judged("misuse-pool");
        if (found.err.find("without write-watch") != std::string::npos) {
            std::puts(("skipped: " + found.err).c_str());
            return;
        }
        INFO(found.report.dump(1).substr(0, 4000));
        CHECK(found.report["verdict"] == "VIOLATION");
        check_explained(found.report);
        std::size_t with_line = 0;
        for (const json& violation : found.report["violations"]) {
            if (violation["stack"].empty()) continue;
            // The write is in overwrite(), which the compiler has made a part of refill().
            REQUIRE(violation["stack"].size() >= 2);
            const std::string writer = violation["stack"][0], caller = violation["stack"][1];
            CHECK(writer.starts_with("overwrite  "));
            CHECK(writer.find("/tests/clients/misuses.c:") != std::string::npos);
            CHECK(caller.starts_with("refill  "));
            CHECK(caller.find("/tests/clients/misuses.c:") != std::string::npos);
            ++with_line;
        }
        CHECK(with_line > 0);
        check_clean("pool");
    }
}

TEST_CASE("without frame pointers, and through the C library, the caller's line is named",
          "[root]") {
    const std::string source = text_of_file(ZCV_SOURCE_DIR "/tests/clients/pools.c");
    const auto call = source.find("    qsort(");
    REQUIRE(call != std::string::npos);
    const auto line = 1 + std::ranges::count(source.substr(0, call), '\n');
    const std::string place = "/tests/clients/pools.c:" + std::to_string(line) + " ";
    const Judged found = judged("misuse-sorted");
    if (found.err.find("without write-watch") != std::string::npos) {
        std::puts(("skipped: " + found.err).c_str());
        return;
    }
    INFO(found.report.dump(1).substr(0, 4000));
    CHECK(found.report["verdict"] == "VIOLATION");
    std::size_t with_stack = 0;
    for (const json& violation : found.report["violations"]) {
        const auto frames = violation["stack"].get<std::vector<std::string>>();
        if (frames.empty()) continue;
        ++with_stack;
        const auto caller = std::ranges::find_if(
            frames, [](const std::string& frame) { return frame.starts_with("sort_again  "); });
        REQUIRE(caller != frames.end());
        CHECK(caller->find(place) != std::string::npos);
        CHECK(caller != frames.begin());  // the library wrote
        CHECK(frames.front().find("libc.so") != std::string::npos);
        CHECK(std::ranges::any_of(
            frames, [](const std::string& frame) { return frame.starts_with("main  "); }));
    }
    CHECK(with_stack > 0);
    const Judged twin = judged("sorted");
    CHECK(twin.report["verdict"] == "CLEAN");
}

TEST_CASE("what a program took for the release is told from what it did before", "[root]") {
    const std::map<std::string, std::string> rules{{"heap", "ZC-A1"},
                                                   {"cancelled", "ZC-A4"},
                                                   {"rings", "ZC-A6"},
                                                   {"oldest", "ZC-B4"},
                                                   {"gathered", "ZC-A1"}};
    for (const auto& [pool, rule] : rules) DYNAMIC_SECTION(pool) {
            const Judged found = judged("misuse-" + pool);
            INFO(found.report.dump(1).substr(0, 4000));
            CHECK(found.status == 1);
            REQUIRE_FALSE(found.report["violations"].empty());
            for (const json& violation : found.report["violations"])
                CHECK(violation["rule"] == rule);
            const Judged twin = judged(pool);
            CHECK(twin.report["violations"].empty());
            CHECK(twin.report["verdict"] == "CLEAN");
        }
}

TEST_CASE("sendmsg(MSG_ZEROCOPY) is followed from the call to the error queue", "[root]") {
    for (const std::string mode :
         {"udp", "tcp", "udp vectors", "tcp vectors", "udp many", "tcp many"})
        DYNAMIC_SECTION(mode) {
            const auto at = mode.find(' ');
            const Judged found = judged(
                mode.substr(0, at) + " 40" + (at == mode.npos ? "" : mode.substr(at)), ZCV_CALLER);
            INFO(found.report.dump(1));
            check_explained(found.report);
            CHECK(found.report["violations"].empty());
            CHECK(found.report["sends"] == 40);
            CHECK(found.report["notified"] == 40);
            CHECK(found.report["copied"] == 40);  // this is loopback
        }
    for (const std::string mode : {"udp 40 early", "tcp 40 early"}) DYNAMIC_SECTION(mode) {
            const Judged found = judged(mode, ZCV_CALLER);
            INFO(found.report.dump(1));
            check_explained(found.report);
            CHECK(found.status == 1);
            CHECK(accused(found.report, "R1").size() == 40);
        }
}

TEST_CASE("a misuse is found in exactly the sends whose content changed", "[root]") {
    for (const std::string mode : {"misuse-rewrite", "misuse-rewrite-tcp", "misuse-realloc",
                                   "misuse-cancel", "misuse-ring-exit"})
        DYNAMIC_SECTION(mode) {
            const Judged found = judged(mode);
            INFO(found.report.dump(1));
            CHECK(found.status == 1);
            CHECK(found.report["verdict"] == "VIOLATION");
            check_explained(found.report);
            REQUIRE_FALSE(found.changed.empty());
            CHECK(accused(found.report, "R1") == found.changed);
            CHECK(found.report["violations"].size() == found.changed.size());
        }
}

int main(int argc, char** argv) {
    const Ran trial = run_shell(shell_quoted(ZCV_PROGRAM) + " run -- true");
    if (geteuid() != 0 || trial.status == 4) {
        std::printf("skipped: %s",
                    geteuid() != 0 ? "network namespaces need root\n" : trial.err.c_str());
        return 77;
    }
    return Catch::Session().run(argc, argv);
}
