#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "drive_program.hpp"
#include "tests/skip.hpp"

// What tests of real sends share. They need root, io_uring with SEND_ZC, veth and ifb, and skip
// (77) otherwise.
namespace drive_test {

using nlohmann::json;

inline std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

using zcv::test::skip;

inline void need_this_machine() {
    if (::geteuid() != 0) skip("needs root for namespaces, veth, ifb and an XDP program");
    for (const char* device : {"veth", "ifb-peer"}) {
        const Ran ran = run_zcv({"drive", "udp", "--sends", "1", "--device", device});
        if (ran.status == 4) skip(ran.err);
    }
}

// ... and records of it, by root with BPF.
inline void need_capture() {
    need_this_machine();
    const Ran ran = run_zcv({"run", "--", ZCV_PROGRAM, "drive", "udp", "--sends", "1"});
    if (ran.status == 4) skip(ran.err);
}

inline Ran drive(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "drive");
    arguments.insert(arguments.end(), {"--format", "json"});
    return run_zcv(arguments);
}

// A run that ended well, as JSON.
inline json driven(const std::vector<std::string>& arguments) {
    const Ran ran = drive(arguments);
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    return json::parse(ran.out);
}

inline void check_conforming(const json& report, std::uint64_t sends) {
    INFO(report.dump(2));
    CHECK(report["completed"] == report["requests"]);
    CHECK(report["notified"] == report["announced"].get<std::uint64_t>() +
                                    report["notifications_unannounced"].get<std::uint64_t>());
    CHECK(report["abandoned"] == 0);
    CHECK(report["accepted"] == sends);
    CHECK(report["requests"] >= sends);
    if (report["sizes"] == std::to_string(report["size"].get<std::uint64_t>()))
        CHECK(report["bytes"] == sends * report["size"].get<std::uint64_t>());
    CHECK(report["rewrites_early"] == 0);
    if (report["receiver"].is_null()) return;
    CHECK(report["receiver"]["right"] == sends);
    CHECK(report["receiver"]["wrong"] == 0);
    CHECK(report["receiver"]["wrong_bytes"] == 0);
    CHECK(report["receiver"]["lost"] == 0);
}

}  // namespace drive_test
