// `zcv run` on drive: what conforms is CLEAN to the last record, and a buffer that is written too
// early is a VIOLATION. Needs root and BPF: skips (77) otherwise.
#include "drive_root.hpp"
#include "realimpl/drive_names.hpp"

using drive_test::need_capture;
using drive_test::Ran;
using drive_test::run_zcv;
using nlohmann::json;

namespace {

// What zcv says of a run; drive's own report stands before it.
json judged(const std::string& arguments) {
    std::vector<std::string> all{"run", "--format", "json", "--", ZCV_PROGRAM, "drive"};
    for (const std::string& word : drive_test::words_of(arguments)) all.push_back(word);
    const Ran ran = run_zcv(all);
    INFO(arguments << ": " << ran.err << ran.out.substr(0, 2000));
    const std::size_t begin = ran.out.find("\n{");
    REQUIRE(begin != std::string::npos);
    return json::parse(ran.out.substr(begin));
}

bool has_rule(const json& report, const std::string& rule) {
    for (const json& violation : report["violations"])
        if (violation["rule"] == rule) return true;
    return false;
}

constexpr const char* conforming[]{
    "udp --fixed",
    "tcp --fixed --defer-taskrun --ipv6",
    "udp --api sendmsg_zc --vectors 5",
    "tcp --api sendmsg_zc --fixed --vectors 3",
    "udp --sqpoll",
    "udp --async",
    "udp --decoys",
    "tcp --size 1,15-17,4k",
    "tcp --more --size 100 --batch 64 --buffers 64",
    "tcp --tail-copy",
    "udp --device veth-plain",
    "udp --device tap",
    "udp --fault descriptor",
    "tcp --size 100k --sndbuf 4096 --no-waitall --sends 60",
    "udp --dontwait --sndbuf 4096 --rate 100mbit",
    "udp --memlock 120000",
    "udp --event ring-exit",
    "tcp --event close",
    "udp --event remap",
    "udp --misuse remap",
};

}  // namespace

TEST_CASE("zcv run finds nothing wrong with a conforming workload", "[drive][root]") {
    need_capture();
    for (const std::string arguments : conforming) {
        const bool counted = arguments.find("--sends") != std::string::npos;
        const json report = judged(arguments + (counted ? "" : " --sends 120"));
        INFO(arguments << ": " << report.dump(1).substr(0, 3000));
        CHECK(report["verdict"] == "CLEAN");
        CHECK(report["matched"] == report["records"]);
        CHECK(report["sends"] > 0);
    }
}

TEST_CASE("zcv run finds every misuse that writes too early", "[drive][root]") {
    need_capture();
    for (const auto& misuse : zcv::drive::misuses()) {
        if (misuse.harm != zcv::drive::Harm::bytes) continue;
        const json report = judged(std::string(misuse.arguments) + " --misuse " + misuse.name);
        INFO(misuse.name << ": " << report.dump(1).substr(0, 3000));
        CHECK(report["verdict"] == "VIOLATION");
        std::size_t early = 0;
        for (const json& violation : report["violations"])
            early += violation["property"] == "R1-no-reuse-before-release";
        CHECK(early > 0);
        // What tells these from others are records of requests and rings that send nothing.
        for (const std::string_view id : {"A4", "A5", "A6", "A9"})
            if (misuse.story == id) CHECK(has_rule(report, "ZC-" + std::string(id)));
    }
}
