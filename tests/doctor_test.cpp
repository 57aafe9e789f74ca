// zcv doctor: what it says agrees with what a capture then does. Needs no privilege; what it finds
// depends on the machine.
#include "realimpl/doctor.hpp"

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "realimpl/doctor_use.hpp"
#include "tests/program.hpp"

using namespace zcv::test;
using nlohmann::json;

namespace {

const std::string zcv_program = shell_quoted(ZCV_PROGRAM);

json doctors_report(const std::string& before = "") {
    const Ran ran = run_shell(before + zcv_program + " doctor --format json");
    INFO(ran.err << ran.out);
    const json report = json::parse(ran.out);
    CHECK(ran.status == (report["can_capture"] == true ? 0 : 4));
    return report;
}

json found(const json& report, const std::string& name) {
    for (const json& each : report["checks"])
        if (each["name"] == name) return each;
    return {};
}

}  // namespace

TEST_CASE("the doctor says what a capture does", "[doctor]") {
    const json report = doctors_report();
    const Ran ran = run_shell(zcv_program + " run -- true");
    INFO(report.dump(1) << ran.err);
    CHECK((report["can_capture"] == true) == (ran.status != 4));
    CHECK(found(report, "observer")["state"] == (ran.status != 4 ? "good" : "missing"));
}

TEST_CASE("every finding has a state, and a remedy where there is one", "[doctor]") {
    const json report = doctors_report();
    std::set<std::string> names;
    for (const json& each : report["checks"]) {
        INFO(each.dump());
        CHECK(names.insert(each["name"]).second);
        CHECK(std::set<std::string>{"good", "limited", "missing"}.contains(each["state"]));
        CHECK_FALSE(each["what"].get<std::string>().empty());
        if (each["state"] == "good") CHECK(each["remedy"] == "");
        if (each["state"] == "missing") CHECK(each["remedy"] != "");
        for (const char* part : {"what", "remedy"})
            CHECK(each[part].get<std::string>().find('\n') == std::string::npos);
    }
    for (const std::string name : {"kernel", "btf", "io_uring", "memlock", "optmem", "observer",
                                   "packet sockets", "interface lo"})
        CHECK(names.contains(name));
}

TEST_CASE("a missing zcv-capture is named, with the remedy, and ends with 4", "[doctor]") {
    const json report = doctors_report("ZCV_CAPTURE=/nowhere ");
    CHECK(report["can_capture"] == false);
    const json observer = found(report, "observer");
    CHECK(observer["state"] == "missing");
    CHECK(observer.dump().find("/nowhere") != std::string::npos);
}

TEST_CASE("a small limit of locked memory is seen", "[doctor]") {
    const json report = doctors_report("ulimit -l 64; ");
    CHECK(found(report, "memlock")["state"] == "limited");
    CHECK(found(report, "memlock")["what"].get<std::string>().starts_with("64 KiB"));
}

TEST_CASE("what is locked and what notifications take is set beside the limits", "[doctor]") {
    const json report = doctors_report();
    CHECK(found(report, "memlock")["what"].get<std::string>().find(" KiB in use") !=
          std::string::npos);
    CHECK(found(report, "optmem")["what"].get<std::string>().find("in use") != std::string::npos);

    const std::uint64_t before = zcv::locked_bytes();
    constexpr std::size_t bytes = 32 * 1024;
    void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    std::ifstream status("/proc/self/status");
    std::string all{std::istreambuf_iterator<char>(status), {}};
    CHECK(all.find("VmLck:\t      32 kB") != std::string::npos);
    // Others of this user may lock and unlock meanwhile, a whole 32 KiB less is not theirs.
    CHECK(zcv::locked_bytes() + bytes / 2 >= before);
    CHECK(zcv::locked_bytes() >= bytes);
    munmap(pages, bytes);
}

TEST_CASE("an open packet socket is found, and who has it", "[doctor]") {
    const int tap = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (tap < 0) {
        WARN("skipped: packet sockets need CAP_NET_RAW");
        return;
    }
    // Without a protocol it sees nothing, and so nothing is copied for it.
    const auto owners = zcv::packet_socket_owners();
    const std::string own = '(' + std::to_string(getpid()) + ')';
    CHECK(std::any_of(owners.begin(), owners.end(), [&](const std::string& each) {
        return each.find(own) != std::string::npos;
    }));
    close(tap);
}

TEST_CASE("unread notifications of MSG_ZEROCOPY are found on their socket", "[doctor]") {
    const int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(receiver, at, length) == 0);
    REQUIRE(getsockname(receiver, at, &length) == 0);
    REQUIRE(connect(sender, at, length) == 0);
    const int on = 1;
    REQUIRE(setsockopt(sender, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) == 0);
    std::vector<char> payload(4096);
    REQUIRE(send(sender, payload.data(), payload.size(), MSG_ZEROCOPY) == 4096);
    const auto most = zcv::most_option_memory();
    REQUIRE(most);
    CHECK(most->bytes > 0);
    if (most->socket.find("127.0.0.1:" + std::to_string(ntohs(address.sin_port))) ==
        std::string::npos)
        WARN("another socket of this machine has more: " << most->socket);
    close(sender);
    close(receiver);
}
