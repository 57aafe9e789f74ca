// `zcv run` that is ended before its time: it still tells the verdict of what it saw. Needs root
// and BPF: skips (77) otherwise.
#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>

#include "drive_root.hpp"
#include "tests/trace_builder.hpp"

using drive_test::need_capture;
using drive_test::Ran;
using drive_test::run_zcv;
using nlohmann::json;
using zcv::test::TempDir;

namespace {

constexpr const char* endless = " drive udp --sends 1000000";

// What the report in its output says.
struct Judged {
    Ran ran;
    json report;
};

// A shell's line, $ZCV being the program. Once `mark` exists it is left alone for a while and then
// sent the signal.
Judged judged(const std::string& line, int signal = 0, const std::string& mark = {}) {
    const std::string command = "ZCV='" + std::string(ZCV_PROGRAM) + "'; " + line;
    const drive_test::Child child =
        drive_test::started([&] { ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr); });
    if (signal != 0) {
        for (int turn = 0; turn < 400 && !std::filesystem::exists(mark); ++turn) ::usleep(50'000);
        ::sleep(1);
        ::kill(child.pid, signal);
    }
    Judged judged;
    judged.ran = child.wait();
    INFO(line << "\n" << judged.ran.err << judged.ran.out.substr(0, 2000));
    // A line of its own, whatever the command printed before.
    const std::size_t before = judged.ran.out.find("\n{\"");
    const std::size_t begin = judged.ran.out.starts_with("{\"") ? 0 : before + 1;
    REQUIRE(judged.ran.out.substr(begin).starts_with("{\""));
    judged.report =
        json::parse(judged.ran.out.substr(begin, judged.ran.out.find('\n', begin) - begin));
    return judged;
}

void check_explained(const json& report) {
    CHECK(report["sends"] > 0);
    CHECK(report["divergence"].is_null());
    CHECK(report["matched"] == report["records"]);
    CHECK(report["violations"].empty());
}

}  // namespace

TEST_CASE("interrupted, it stops its command and judges what was sent", "[root]") {
    need_capture();
    for (const int signal : {SIGINT, SIGTERM}) {
        const TempDir dir;
        const std::string mark = dir / "started";
        const Judged ended = judged("exec $ZCV run --format json -- sh -c \"touch '" + mark +
                                        "'; exec '$ZCV'" + endless + "\"",
                                    signal, mark);
        check_explained(ended.report);
        CHECK(ended.report["verdict"] != "VIOLATION");
    }
}

TEST_CASE("a command that is killed is judged by what it sent", "[root]") {
    need_capture();
    const Judged ended = judged("$ZCV run --format json -- sh -c \"'$ZCV'" + std::string(endless) +
                                " & sleep 1; kill -9 \\$!; wait\"");
    check_explained(ended.report);
    CHECK(ended.report["verdict"] != "VIOLATION");
}

TEST_CASE("what it saw before its observer died is judged, and never CLEAN", "[root]") {
    need_capture();
    const TempDir dir;
    const std::string observer = dir / "dies";
    const std::string real =
        (std::filesystem::path(ZCV_PROGRAM).parent_path() / "zcv-capture").string();
    const std::string mark = dir / "started";
    std::ofstream(observer) << "#!/bin/sh\n'" << real << "' \"$@\" & for i in $(seq 400); do [ -e '"
                            << mark << "' ] && break; sleep 0.05; done; "
                            << "sleep 1; kill -9 $!; wait\n";
    std::filesystem::permissions(observer, std::filesystem::perms::all);
    const Judged ended =
        judged("ZCV_CAPTURE='" + observer + "' $ZCV run --format json -- sh -c \"touch '" + mark +
               "'; '$ZCV'" + endless + " & sleep 2; kill \\$!; wait\"");
    check_explained(ended.report);
    CHECK(ended.report["verdict"] == "INCONCLUSIVE");
    CHECK(ended.report["reasons"].dump().find("cut off") != std::string::npos);
}

TEST_CASE("on a full disk it goes on, judges all it saw, and says what became of the file",
          "[root]") {
    need_capture();
    REQUIRE(::unshare(CLONE_NEWNS) == 0);
    REQUIRE(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    const TempDir dir;
    REQUIRE(::mount("zcv-test", (dir / "").c_str(), "tmpfs", 0, "size=256k,mode=0700") == 0);
    const Judged ended = judged("$ZCV run --format json -o '" + (dir / "x.zct") +
                                "' -- $ZCV drive udp --sends 20000");
    check_explained(ended.report);
    CHECK(ended.report["sends"] == 20000);
    CHECK(ended.report["verdict"] == "CLEAN");
    CHECK(ended.ran.status == 4);  // the file that was asked for is not there
    CHECK(ended.ran.err.find("no space left on device") != std::string::npos);
    CHECK(ended.ran.err.find("the verdict is of all that was seen") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(dir / "x.zct"));
    ::umount((dir / "").c_str());
}
