// zcv doctor: what it says agrees with what a capture then does. Needs no privilege; what it finds
// depends on the machine.
#include "realimpl/doctor.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

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
