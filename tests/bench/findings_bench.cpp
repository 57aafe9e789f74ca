// What zcv finds in real runs, and what it finds that is not there: one capture of each misuse of
// `zcv drive` and of its conforming twin, of each event and fault, and of ways to send that are
// right. A table on stdout, as markdown; what is CLEAN, conforming and wholly explained is counted
// below it. A finding counts when it is an error or a warning with an
// id of a misuse; it is right when the run breaks that rule. Precision is the share of findings
// that are right, recall the share of misuses with a rule that were found under it. What the kernel
// itself does wrong (B24) is told apart: it is no claim about the program. Needs root.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "model/rules.hpp"
#include "realimpl/drive_names.hpp"
#include "tests/program.hpp"
#include "traces/replay.hpp"
#include "traces/zct.hpp"

namespace {

using namespace zcv;

constexpr const char* usage =
    "usage: findings_bench [--keep FOLDER]   real captures, replayed: precision and recall\n";

// Ways to send that the misuses' own runs and the events leave out.
constexpr const char* conforming[]{
    "udp",
    "udp --device lo",
    "udp --device veth-plain",
    "udp --device ifb",
    "udp --device ifb-peer",
    "udp --device ifb-peer --sniffer",
    "udp --device tap",
    "tcp",
    "tcp --device lo",
    "tcp --device veth-plain",
    "tcp --device ifb",
    "tcp --device ifb-peer --sniffer",
    "tcp --device tap",
    "udp --fixed",
    "tcp --fixed",
    "udp --api sendmsg_zc --vectors 3",
    "tcp --api sendmsg_zc --vectors 3",
    "udp --api msg_zerocopy",
    "tcp --api msg_zerocopy",
    "tcp --more --size 512",
    "tcp --tail-copy",
    "tcp --no-waitall --sndbuf 8192 --size 32k",
    "tcp --dontwait --sndbuf 8192",
    "udp --dontwait",
    "tcp --poll-first",
    "udp --async",
    "tcp --async",
    "udp --link",
    "udp --drain --stall-ms 1000",
    "udp --defer-taskrun",
    "tcp --defer-taskrun",
    "udp --sqpoll",
    "tcp --sqpoll",
    "udp --cq-entries 16",
    "udp --decoys",
    "tcp --decoys",
    "udp --size 8000 --mtu 1500",
    "tcp --size 64k --mtu 1500",
    "tcp --size 64k --mtu 1500 --mtu-probing",
    "udp --ipv6",
    "tcp --ipv6",
    "udp --size 1-60k",
    "tcp --size 1-64k,1m",
    "tcp --rate 200mbit",
    "udp --memlock 120000",
    "tcp --memlock 120000",
    "tcp --api msg_zerocopy --optmem 4096",
};

struct Run {
    std::string arguments;
    std::string misuse;            // "" for a conforming one
    std::set<std::string> broken;  // ids of the rules that it breaks
};

std::vector<Run> runs() {
    std::vector<Run> all;
    std::set<std::string> right{std::begin(conforming), std::end(conforming)};
    for (const char* arguments : conforming) all.push_back({arguments, "", {}});
    const auto add_right = [&](const std::string& arguments) {
        if (right.insert(arguments).second) all.push_back({arguments, "", {}});
    };
    for (const drive::Workload& workload : drive::workloads()) {
        for (const drive::NamedEvent& event : drive::events())
            add_right(fmt::format("{} --event {}{}", workload.name, event.name,
                                  event.value == drive::Event::unregister ? " --fixed" : ""));
        for (const drive::NamedFault& fault : drive::faults())
            add_right(fmt::format("{} --fault {}", workload.name, fault.name));
    }
    for (const drive::NamedMisuse& misuse : drive::misuses()) {
        add_right(misuse.arguments);
        const std::string id = std::string("ZC-") + misuse.story;
        const Rule* const rule = find_rule(id);
        Run run{misuse.arguments, misuse.name, {}};
        // A note is no claim that anything is wrong.
        if (rule != nullptr && rule->severity != Severity::note) run.broken.insert(id);
        all.push_back(run);
    }
    return all;
}

struct Result {
    std::string verdict;
    std::string matched;
    bool explained = false;
    std::set<std::string> of_program;  // errors and warnings
    std::set<std::string> of_kernel;
    std::string trouble;  // it could not be run
};

Result judge(const Run& run, const std::string& file) {
    std::string command = std::string(ZCV_PROGRAM) + " run -o " + test::shell_quoted(file) +
                          " -- " + ZCV_PROGRAM + " drive " + run.arguments;
    if (run.arguments.find("--sends") == std::string::npos) command += " --sends 200";
    if (!run.misuse.empty()) command += " --misuse " + run.misuse;
    if (!run.misuse.empty() && run.arguments.find("--stall-ms") == std::string::npos)
        command += " --stall-ms 1500";
    const test::Ran ran = test::run_shell(command);
    Result result;
    if (ran.status == 4 || ran.status == 2 || ran.status < 0) {
        result.trouble = ran.err.substr(0, ran.err.find('\n'));
        return result;
    }
    const ReplayReport report = replay(read_trace(file), {});
    result.verdict = name_of(report.verdict);
    result.matched = fmt::format("{}/{}", report.matched, report.records);
    result.explained = report.matched == report.records;
    const auto sort_in = [&](const Violation& finding) {
        if (finding.rule == nullptr || finding.severity == Severity::note) return;
        auto& into = is_of_the_kernel(*finding.rule) ? result.of_kernel : result.of_program;
        into.insert(std::string(finding.rule->id));
    };
    for (const Violation& finding : report.violations) sort_in(finding);
    for (const Violation& finding : report.notes) sort_in(finding);
    if (report.divergence) result.of_kernel.insert("DIVERGENCE");
    return result;
}

struct Tally {
    unsigned named = 0, right = 0, expected = 0, misuses = 0, found = 0, clean = 0, alarms = 0;
    unsigned conforming = 0, unexplained = 0;
};

void count(const Run& run, const Result& result, Tally& tally) {
    tally.named += static_cast<unsigned>(result.of_program.size());
    tally.expected += static_cast<unsigned>(run.broken.size());
    for (const std::string& id : result.of_program) tally.right += run.broken.count(id) > 0;
    tally.unexplained += result.of_kernel.count("DIVERGENCE") > 0;
    if (run.misuse.empty()) {
        ++tally.conforming;
        tally.clean += result.verdict == "CLEAN" && result.explained;
        tally.alarms += !result.of_program.empty();
    } else {
        tally.misuses += !run.broken.empty();
        tally.found += !run.broken.empty() && !result.of_program.empty();
    }
}

double percent(unsigned part, unsigned of) {
    return of == 0 ? 100.0 : 100.0 * part / of;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && (words.size() != 2 || words[0] != "--keep")) {
        std::cerr << usage;
        return words[0] == "--help" ? 0 : 2;
    }
    const test::TempDir temporary;
    const std::string folder = words.empty() ? temporary / "" : words[1] + "/";
    std::filesystem::create_directories(folder);
    Tally tally;
    std::cout << "| run | broken | named | the kernel's | verdict | matched |\n"
                 "|---|---|---|---|---|---|\n";
    unsigned number = 0;
    for (const Run& run : runs()) {
        const std::string file = fmt::format("{}{:03}.zct", folder, ++number);
        const Result result = judge(run, file);
        const std::string what =
            run.misuse.empty() ? run.arguments : run.arguments + " --misuse " + run.misuse;
        if (!result.trouble.empty()) {
            std::cerr << what << ": not run: " << result.trouble << "\n";
            continue;
        }
        count(run, result, tally);
        if (run.misuse.empty() && result.verdict == "CLEAN" && result.explained) continue;
        std::cout << fmt::format("| {} | {} | {} | {} | {} | {} |\n", what,
                                 fmt::join(run.broken, " "), fmt::join(result.of_program, " "),
                                 fmt::join(result.of_kernel, " "), result.verdict, result.matched)
                  << std::flush;
    }
    std::cout << fmt::format(
        "\nOf {} findings {} were right: precision {:.1f} %. Of {} misuses with a rule {} were "
        "found under it: recall {:.1f} %; {} were found under some rule. Of {} conforming runs {} "
        "were CLEAN with every record matched and {} raised an alarm about the program; {} of all "
        "runs had a record that "
        "was not explained.\n",
        tally.named, tally.right, percent(tally.right, tally.named), tally.expected, tally.right,
        percent(tally.right, tally.expected), tally.found, tally.conforming, tally.clean,
        tally.alarms, tally.unexplained);
    return 0;
}
