// A search that is ended from outside: killed, interrupted, without room on the disk. Nothing that
// was covered is lost, and what is reported is true.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>

namespace {

struct Ended {
    bool killed = false;
    int status = -1;
    nlohmann::json report;
};

// Until the search has its own way to end, a signal ends it at once.
void await_handler_of(pid_t child, int signal) {
    const std::string path = "/proc/" + std::to_string(child) + "/status";
    for (int turn = 0; turn < 3000; ++turn) {
        std::ifstream status(path);
        for (std::string line; std::getline(status, line);)
            if (line.starts_with("SigCgt:") &&
                (std::stoull(line.substr(8), nullptr, 16) >> (signal - 1) & 1U) != 0)
                return;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

// Runs `zcv check ARGUMENTS --format json` and sends it a signal after so many milliseconds, unless
// it has ended by itself.
Ended check(const std::string& arguments, int signal_sent, int after_ms,
            const std::string& before = "") {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const std::string command =
        before + "exec " + ZCV_PROGRAM + " check --format json " + arguments + " 2>/dev/null";
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
        _exit(127);
    }
    close(ends[1]);
    if (signal_sent != 0) {
        if (signal_sent != SIGKILL) await_handler_of(child, signal_sent);
        std::this_thread::sleep_for(std::chrono::milliseconds(after_ms));
        kill(child, signal_sent);
    }
    std::string out;
    std::array<char, 4096> part{};
    for (ssize_t n; (n = read(ends[0], part.data(), part.size())) > 0;)
        out.append(part.data(), static_cast<std::size_t>(n));
    close(ends[0]);
    int how = 0;
    waitpid(child, &how, 0);
    Ended ended;
    ended.killed = WIFSIGNALED(how);
    if (WIFEXITED(how)) ended.status = WEXITSTATUS(how);
    if (!out.empty()) ended.report = nlohmann::json::parse(out);
    return ended;
}

struct TempFile {
    TempFile()
        : path((std::filesystem::temp_directory_path() /
                ("zcv-kill-" + std::to_string(std::random_device{}())))
                   .string()) {}
    ~TempFile() { std::filesystem::remove(path); }
    std::string path;
};

}  // namespace

TEST_CASE("killed at ten random moments and resumed, a search counts the same", "[kill]") {
    std::mt19937 random(std::random_device{}());
    const TempFile file;
    const std::string scenario = "reference-2-2-2-3 --threads 2";
    int kills = 0;
    int anew = 0;
    for (int i = 0; i < 10; ++i) {
        const bool begun = std::filesystem::exists(file.path);
        const std::string how = begun ? " --resume " : " --checkpoint ";
        const Ended ended =
            check(scenario + how + file.path, SIGKILL, static_cast<int>(random() % 120));
        kills += ended.killed;
        // Killed before its first level was whole: there is nothing to resume yet.
        if (ended.status == 2) {
            std::filesystem::remove(file.path);
            ++anew;
        }
        if (ended.status == 0) CHECK(ended.report["states"] == 201'242);
    }
    UNSCOPED_INFO(kills << " killed, " << anew << " begun anew");
    const bool begun = std::filesystem::exists(file.path);
    Ended last = check(scenario + (begun ? " --resume " : " --checkpoint ") + file.path, 0, 0);
    if (last.status == 2) last = check(scenario + " --checkpoint " + file.path, 0, 0);
    CHECK(last.status == 0);
    CHECK(last.report["verdict"] == "CLEAN");
    CHECK(last.report["states"] == 201'242);
    CHECK(last.report["transitions"] == 1'536'244);
    CHECK(last.report["depth"] == 30);
    CHECK(last.report["as_expected"] == true);
}

TEST_CASE("Ctrl-C ends a search with what it covered", "[kill]") {
    const Ended ended = check("reference-4-4-4-6 --memory-max 2G", SIGINT, 500);
    CHECK(ended.status == 3);
    CHECK(ended.report["verdict"] == "INCONCLUSIVE");
    CHECK(ended.report["limit"] == "interrupted");
    CHECK(ended.report["states"] > 0);
}

TEST_CASE("a disk that is full ends a search, and it can be resumed when there is room",
          "[kill][disk]") {
    const TempFile file;
    // A limit on the size of files stands in for the disk's.
    const std::string small = "trap '' XFSZ; ulimit -f 512; ";
    const Ended full = check("reference-2-2-2-3 --checkpoint " + file.path, 0, 0, small);
    CHECK(full.status == 3);
    CHECK(full.report["verdict"] == "INCONCLUSIVE");
    CHECK(full.report["limit"].get<std::string>().find("disk: " + file.path) == 0);
    CHECK(full.report["states"] < 201'242);
    const Ended resumed = check("reference-2-2-2-3 --resume " + file.path, 0, 0);
    CHECK(resumed.status == 0);
    CHECK(resumed.report["states"] == 201'242);
    CHECK(resumed.report["transitions"] == 1'536'244);

    const Ended frontier =
        check("reference-2-2-2-3 --frontier /tmp", 0, 0, "trap '' XFSZ; ulimit -f 8; ");
    CHECK(frontier.status == 3);
    CHECK(frontier.report["limit"].get<std::string>().find("disk: /tmp") == 0);
}
