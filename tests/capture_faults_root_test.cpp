// What goes wrong around a capture: the program or zcv is killed, the disk fills, the folder goes,
// others capture as well, a hundred children. Never a crash, never a zcv-capture that stays behind
// (its probes end with it), and a readable file wherever there is still one. Needs root and BPF:
// skips (77) otherwise.
#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "tests/capture_here.hpp"
#include "traces/zct.hpp"

using namespace zcv::test;

namespace {

const std::string zcv_program = ZCV_PROGRAM;  // inside quotes of the shell, so bare
const std::string drive = zcv_program + " drive udp --sends 2000 --rate 100mbit >/dev/null";

// The zcv-capture processes that work for a zcv whose command line has this word.
std::set<int> captures_for(const std::string& word) {
    std::set<int> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        if (text_of_file("/proc/" + name + "/comm") != "zcv-capture\n") continue;
        const std::string status = text_of_file("/proc/" + name + "/status");
        const auto parent = status.find("PPid:\t");
        if (parent == std::string::npos) continue;
        const int parent_pid = std::atoi(status.c_str() + parent + 6);
        const std::string command =
            text_of_file("/proc/" + std::to_string(parent_pid) + "/cmdline");
        if (command.find(word) != std::string::npos) found.insert(std::stoi(name));
    }
    return found;
}

template <class Condition>
bool within(int seconds, Condition condition) {
    for (int turn = 0; turn < seconds * 100; ++turn) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

bool is_gone(int pid) {
    return kill(pid, 0) != 0;
}

}  // namespace

TEST_CASE("the watched program is killed in flight: the trace is whole", "[root]") {
    need_capture();
    const TempDir folder;
    const std::string file = folder / "killed.zct";
    const Ran ran = run_shell(zcv_program + " capture -o " + file + " -- timeout -s KILL 0.6 " +
                              zcv_program + " drive udp --sends 1000000 --rate 100mbit");
    INFO(ran.err);
    CHECK(ran.status == 0);
    const zcv::Trace trace = zcv::read_trace(file);
    CHECK_FALSE(trace.cut_off);
    CHECK(trace.totals.lost == 0);
    CHECK(trace.totals.by_kind.contains("exit"));
    CHECK(captures_for(file).empty());
}

TEST_CASE("zcv is killed: its probes go, and what it wrote can be read", "[root]") {
    need_capture();
    const TempDir folder;
    const std::string file = folder / "cut.zct", pid = folder / "pid";
    std::thread runs([&] {
        run_shell("sh -c 'echo $$ >" + pid + "; exec " + zcv_program + " capture -o " + file +
                  " -- " + zcv_program + " drive udp --sends 20000 --rate 50mbit'");
    });
    std::set<int> captures;
    const bool wrote = within(20, [&] {
        std::error_code none;
        return std::filesystem::file_size(file + ".part", none) > 100000 && !none;
    });
    captures = captures_for(file);
    kill(std::stoi(text_of_file(pid)), SIGKILL);
    runs.join();
    REQUIRE(wrote);
    REQUIRE(captures.size() == 1);
    CHECK(within(5, [&] { return is_gone(*captures.begin()); }));
    const zcv::Trace trace = zcv::read_trace(file + ".part");
    CHECK(trace.cut_off);
    CHECK(trace.events.size() > 1000);
    CHECK(trace.sequence_gaps == 0);
}

TEST_CASE("the disk fills: one line says so, the program runs on, whole blocks stay", "[root]") {
    need_capture();
    const TempDir folder;
    const std::string disk = folder / "disk", done = folder / "done";
    const Ran ran = run_shell(
        "mkdir " + disk + "; unshare -m sh -c 'mount -t tmpfs -o size=64k none " + disk + " && " +
        zcv_program + " capture -o " + disk + "/full.zct -- sh -c \"" + zcv_program +
        " drive udp --sends 6000 >/dev/null; touch " + done + "\"; echo $? >" + folder / "status" +
        "; cp " + disk + "/full.zct.part " + folder / "kept'");
    INFO(ran.err);
    CHECK(text_of_file(folder / "status") == "4\n");
    CHECK(ran.err.find("full.zct.part: cannot be written: ") != std::string::npos);
    CHECK(ran.err.find("the command ran on unobserved") != std::string::npos);
    CHECK(std::filesystem::exists(done));
    const zcv::Trace trace = zcv::read_trace(folder / "kept");
    CHECK(trace.cut_off);
    CHECK_FALSE(trace.events.empty());
}

TEST_CASE("the output's folder vanishes: one line says that, with the file's name", "[root]") {
    need_capture();
    const TempDir folder;
    const std::string gone = folder / "gone";
    const Ran ran = run_shell("mkdir " + gone + "; " + zcv_program + " capture -o " + gone +
                              "/t.zct -- sh -c '" + drive + "; rm -r " + gone + "'");
    INFO(ran.err);
    CHECK(ran.status == 4);
    CHECK(ran.err.find("gone/t.zct.part: cannot be renamed") != std::string::npos);
    CHECK(captures_for(gone).empty());
}

TEST_CASE("two captures of one program see the same sends", "[root]") {
    need_capture();
    const TempDir folder;
    const std::string one = folder / "one.zct", other = folder / "other.zct";
    const Ran ran = run_shell(zcv_program + " capture -o " + one + " -- " + zcv_program +
                              " capture -o " + other + " -- sh -c '" + drive + "'");
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    for (const std::string& file : {one, other}) {
        const zcv::Trace trace = zcv::read_trace(file);
        CHECK(trace.totals.lost == 0);
        CHECK(trace.totals.by_kind.at("submit") == 2000);
        CHECK(trace.totals.by_kind.at("notif") == 2000);
        CHECK(run_shell(zcv_program + " replay " + file).status == 0);
    }
}

TEST_CASE("a hundred children are all followed", "[root]") {
    need_capture();
    const TempDir folder;
    const std::string file = folder / "children.zct";
    const Ran ran =
        run_shell(zcv_program + " capture -o " + file +
                  " -- sh -c 'for i in $(seq 100); do " ZCV_CALLER " udp 3 & done; wait'");
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    const zcv::Trace trace = zcv::read_trace(file);
    std::set<std::uint32_t> senders;
    for (const zcv_event& event : trace.events)
        if (event.kind == ZCV_CALL) senders.insert(event.tgid);
    CHECK(senders.size() == 100);
    CHECK(trace.totals.lost == 0);
    CHECK(trace.totals.by_kind.at("call") == 300);
}

TEST_CASE("function probes attach, or one line says why not and the capture is whole", "[root]") {
    need_capture();
    const TempDir dir;
    const std::string trace = shell_quoted(dir / "probed.zct");
    const Ran ran = run_shell(zcv_program + " capture --events default,ubuf-ref -o " + trace +
                              " -- " + zcv_program + " drive udp --sends 8");
    INFO(ran.err);
    CHECK(ran.status == 0);
    CHECK(run_shell(zcv_program + " replay " + trace).status == 0);
    const std::string refused = "zcv: without function probes: ";
    const auto first = ran.err.find(refused);
    const Ran seen = run_shell(zcv_program + " references " + trace);
    INFO(seen.out);
    CHECK(seen.status == (first == std::string::npos ? 0 : 3));
    if (first == std::string::npos) return;
    CHECK(ran.err.find(refused, first + 1) == std::string::npos);
    CHECK(seen.out.find("nothing to compare: ") != std::string::npos);
}
