#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Run {
    int status = -1;
    std::string out;
    std::string err;
};

std::string text_in(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Runs `zcv check ARGUMENTS` as a user's shell would.
Run check(const std::string& arguments) {
    Run run;
    // Every test case is a process of its own, and several run at a time.
    std::array<char, 32> errors{"/tmp/zcv-check-XXXXXX"};
    const int file = mkstemp(errors.data());
    REQUIRE(file >= 0);
    close(file);
    const std::string command =
        std::string(ZCV_PROGRAM) + " check " + arguments + " 2> " + errors.data();
    std::FILE* const pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::array<char, 4096> part{};
    for (std::size_t n; (n = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
        run.out.append(part.data(), n);
    const int ended = pclose(pipe);
    run.status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    run.err = text_in(errors.data());
    std::remove(errors.data());
    return run;
}

std::vector<nlohmann::json> documents(const std::string& text) {
    std::vector<nlohmann::json> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
    return all;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("what is wrong with the command line is one line and status 2", "[cli]") {
    const auto [arguments, says] = GENERATE(table<std::string, std::string>({
        {"", "--list"},
        {"reference-2-2-1-3x", "did you mean reference-2-2-1-2"},
        {"refrence-2-2-2-3", "did you mean reference-2-2-2-3"},
        {"'no scenario at all'", "--list"},
        {"''", "check '': no such scenario"},
        {"udp-nic ''", "check '': no such scenario"},
        {"reference-9-1-1-1", "from 1 to 4"},
        {"reference-1-1-1-2 --format xml", "text or json"},
        {"reference-1-1-1-2 --states-max -1", "1 or more"},
        {"reference-1-1-1-2 --states-max 0", "1 or more"},
        {"reference-1-1-1-2 --states-max 1e6", "1 or more"},
        {"reference-1-1-1-2 --threads 0", "1 or more"},
        {"reference-1-1-1-2 --memory-max lots", "K, M, G or T"},
        {"reference-1-1-1-2 --memory-max 0", "K, M, G or T"},
        {"reference-1-1-1-2 --memory-max 4GB2", "K, M, G or T"},
        {"reference-1-1-1-2 --memory-max 99999999T", "K, M, G or T"},
        {"reference-1-1-1-2 --time-max nan", "seconds above 0"},
        {"reference-1-1-1-2 --time-max -3", "--time-max -3: not a time"},
        {"reference-1-1-1-2 --time-max 1e400", "seconds above 0"},
        {"reference-1-1-1-2 --profile 6.1", "only profile is reference"},
        {"reference-1-1-1-2 --app close", "first-cqe"},
        {"--all reference-1-1-1-2", "leave out one"},
        {"--all --profile 6.1", "leave out"},
        {"--all --bounds skbs=1", "name scenarios"},
        {"--list --all", "stands alone"},
        {"--coverage udp-nic", "stands alone"},
        {"--coverage --profile 6.1", "leave out"},
        {"--all --format markdown", "--list"},
        {"udp-nic --bounds skbs=99", "from 1 to"},
        {"udp-nic --bounds skbs=0", "1 or more"},
        {"udp-nic --bounds cows=1", "there are buffers"},
        {"udp-nic --bounds skbs", "NAME=NUMBER"},
        {"udp-nic --bounds ''", "--bounds '': not NAME=NUMBER"},
        {"udp-nic --bounds =", "NAME=NUMBER"},
        {"udp-nic --bounds =1", "NAME=NUMBER"},
        {"udp-nic --bounds skbs=", "--bounds skbs='': not a number"},
        {"udp-nic --bounds skbs=1,", "NAME=NUMBER"},
        {"udp-nic --bounds skbs=1,skbs=2", "gives skbs twice"},
        {"udp-nic --bounds skbs=99999999999999999999999", "not a number to work with"},
        {"udp-nic --profile ''", "no profile is called '':"},
        {"udp-nic --app ''", "no application is called '':"},
        {"udp-nic --graph ''", "--graph '': name a file"},
        {"udp-nic --checkpoint ''", "--checkpoint '': name a file"},
        {"udp-nic --frontier ''", "--frontier '': name a file or folder"},
        {"reference-1-1-1-2 --bounds skbs=1", "reference-B-R-K-Q"},
        {"--all --graph x.dot", "one scenario"},
        {"reference-1-1-1-2 --graph /no/such/folder/x.dot", "can be written"},
        {"reference-2-2-2-3 --graph /dev/null", "cannot be drawn"},
        {"reference-1-1-1-2 --threads 5000", "give fewer"},
        {"reference-1-1-1-2 --symmetry some", "off, on, deep"},
        {"reference-1-1-1-2 --reduction some", "off or on"},
        {"reference-1-1-1-2 --visited all", "exact, fingerprint, bitstate"},
        {"--all --checkpoint x", "one scenario"},
        {"reference-1-1-1-2 --checkpoint x --resume y", "leave out"},
        {"reference-1-1-1-2 --checkpoint /no/such/folder/x", "can be written"},
        {"reference-1-1-1-2 --resume /no/such/file", "/no/such/file"},
        {"reference-1-1-1-2 --resume /dev/null", "not a checkpoint"},
        {"reference-1-1-1-2 --frontier /no/such/folder", "folder that can be written"},
    }));
    INFO(arguments);
    const Run run = check(arguments);
    CHECK(run.status == 2);
    CHECK(run.out.empty());
    INFO(run.err);
    CHECK(run.err.rfind("zcv: ", 0) == 0);
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK(contains(run.err, says));
}

TEST_CASE("one scenario ends with its verdict's status", "[cli]") {
    CHECK(check("reference-1-1-1-2").status == 0);
    CHECK(check("reference-bug-1-1-1-2").status == 1);
    CHECK(check("reference-2-2-1-2 --app first-cqe").status == 1);
    CHECK(check("reference-2-2-2-3 --states-max 100").status == 3);
    CHECK(check("reference-2-2-2-3 --memory-max 64K").status == 3);
    CHECK(check("reference-4-4-4-6 --time-max 0.05").status == 3);
    // Of several, the worst counts.
    CHECK(check("reference-1-1-1-2 reference-2-2-1-2").status == 0);
    CHECK(check("reference-1-1-1-2 reference-2-2-2-3 --states-max 100").status == 3);
    CHECK(check("reference-bug-1-1-1-2 reference-2-2-2-3 --states-max 100").status == 1);
}

TEST_CASE("taking all ends well exactly when every scenario is as declared", "[cli]") {
    const Run run = check("--all --format json");
    CHECK(run.status == 0);
    CHECK(run.err.empty());
    const auto all = documents(run.out);
    CHECK(all.size() >= 6);
    for (const auto& one : all) {
        INFO(one.dump());
        CHECK(one["as_expected"] == true);
    }
    const Run bounded = check("--all --states-max 100000");
    CHECK(bounded.status == 3);
    CHECK(contains(bounded.out, "undecided"));
}

TEST_CASE("the text report has question, verdict, counts and the counterexample", "[cli]") {
    const Run run = check("reference-bug-2-2-1-2");
    CHECK(contains(run.out, "first CQE"));
    CHECK(contains(run.out, "VIOLATION  no-app-owned: "));
    CHECK(contains(run.out, "depth 6"));
    CHECK(contains(run.out, "\n1  application  Write("));
    CHECK(contains(run.out, "\n6  application  ConsumeMore("));
    CHECK_FALSE(contains(run.out, "\n7  "));
    CHECK_FALSE(contains(run.out, "\033"));
    CHECK(run.err.empty());
}

TEST_CASE("the JSON report has the promised fields", "[cli]") {
    const Run run = check("reference-2-2-1-2 reference-bug-2-2-1-2 --format json");
    CHECK(run.status == 1);
    const auto all = documents(run.out);
    REQUIRE(all.size() == 2);
    for (const char* field :
         {"schema_version", "scenario", "profile", "app", "verdict", "property", "states",
          "transitions", "depth", "seconds", "bytes_per_state", "threads", "symmetry", "reduction",
          "visited", "miss_probability", "expected", "as_expected", "counterexample"}) {
        INFO(field);
        CHECK(all[0].contains(field));
        CHECK(all[1].contains(field));
    }
    CHECK(all[0]["verdict"] == "CLEAN");
    CHECK(all[0]["property"].is_null());
    CHECK(all[0]["states"] == 5546);
    CHECK(all[0]["transitions"] == 25076);
    CHECK(all[0]["counterexample"].empty());
    CHECK(all[1]["verdict"] == "VIOLATION");
    CHECK(all[1]["property"] == "no-app-owned");
    REQUIRE(all[1]["counterexample"].size() == 6);
    CHECK(all[1]["counterexample"][5]["step"] == "ConsumeMore");
    CHECK(all[1]["counterexample"][5]["changes"][0]["after"] == "free");
}

TEST_CASE("an inexact search says how likely it is to have missed something", "[cli]") {
    const Run exact = check("reference-2-2-1-2");
    CHECK_FALSE(contains(exact.out, "probability"));
    const Run prints = check("udp-sink --visited fingerprint");
    CHECK(prints.status == 0);
    CHECK(contains(prints.out, "64 bits a state: some state was taken for another with probabil"));
    const Run bits = check("reference-2-2-1-2 --visited bitstate --memory-max 64M");
    CHECK(bits.status == 3);
    CHECK(contains(bits.out, "three bits a state: at the end a new state was taken for a known"));
}

TEST_CASE("the same search gives the same report", "[cli]") {
    const std::string arguments = "reference-bug-2-2-2-3 --format json --memory-max 1G";
    auto first = documents(check(arguments).out).at(0);
    auto second = documents(check(arguments).out).at(0);
    for (auto* one : {&first, &second})
        for (const char* varies : {"seconds", "bytes_per_state"}) one->erase(varies);
    CHECK(first == second);
}

TEST_CASE("the list names every scenario with its question and outcome", "[cli]") {
    const Run text = check("--list");
    CHECK(text.status == 0);
    CHECK(contains(text.out, "reference-3-3-2-2"));
    CHECK(contains(text.out, "178911830 states, 2000575962 transitions"));
    const auto all = documents(check("--list --format json").out);
    for (const auto& one : all) {
        CHECK_FALSE(one["asks"].get<std::string>().empty());
        CHECK(contains(text.out, one["scenario"].get<std::string>()));
    }
}

TEST_CASE("bounds can be changed, and then nothing is declared", "[cli]") {
    const auto one = documents(check("first-cqe --bounds cq_entries=1 --format json").out).at(0);
    CHECK(one["verdict"] == "VIOLATION");
    CHECK(one["expected"].is_null());
    CHECK(contains(check("--list --format markdown").out, "| `link-cancel` | "));
}

TEST_CASE("more threads than cores search as well, and are told", "[cli]") {
    const Run run = check("reference-2-2-1-2 --threads 8 --format json");
    CHECK(run.status == 0);
    CHECK(run.err.empty());
    CHECK(documents(run.out).at(0)["threads"] == 8);
    CHECK(documents(run.out).at(0)["states"] == 5546);
}

TEST_CASE("the graph file holds what was explored", "[cli]") {
    std::array<char, 32> file{"/tmp/zcv-graph-XXXXXX"};
    close(mkstemp(file.data()));
    const Run run = check(std::string("reference-1-1-1-2 --graph ") + file.data());
    const std::string dot = text_in(file.data());
    CHECK(run.status == 0);
    std::size_t edges = 0;
    for (std::size_t at = 0; (at = dot.find("->", at)) != std::string::npos; ++at) ++edges;
    CHECK(edges == 118);
    std::remove(file.data());
}

TEST_CASE("a full output device is an error, not a success", "[cli]") {
    const Run run = check("reference-1-1-1-2 > /dev/full");
    CHECK(run.status == 4);
    CHECK(contains(run.err, "standard output"));
}

TEST_CASE("the help ends with examples that can be pasted", "[cli]") {
    const Run run = check("--help");
    CHECK(run.status == 0);
    CHECK(contains(run.out, "Examples:\n  zcv check reference-bug-2-2-1-2\n"));
}

TEST_CASE("every step, premise, switch, policy, part and bug is put to use by some scenario",
          "[cli][coverage]") {
    const Run run = check("--coverage --format json");
    CHECK(run.status == 0);
    const auto all = documents(run.out);
    CHECK(all.size() > 300);
    for (const auto& each : all) {
        INFO(each.dump());
        CHECK((each["scenarios"] > 0 || !each["unseen"].get<std::string>().empty()));
    }
    CHECK(std::count_if(all.begin(), all.end(),
                        [](const auto& each) { return each["scenarios"] == 0; }) <= 1);
}

TEST_CASE("a reduced search says what it stands for, and a scenario without commuting steps so",
          "[check][cli]") {
    const Run reduced = check("udp-nic --symmetry on --reduction on --format json");
    CHECK(reduced.status == 0);
    CHECK(reduced.err.empty());
    const auto found = documents(reduced.out);
    REQUIRE(found.size() == 1);
    CHECK(found[0]["symmetry"] == "on");
    CHECK(found[0]["reduction"] == "on");
    CHECK(found[0]["as_expected"] == true);
    CHECK(found[0]["states"] < found[0]["expected"]["states"]);

    const Run text = check("udp-nic --symmetry on");
    CHECK(contains(text.out, "as declared: CLEAN, "));
    CHECK(contains(text.out, " without reduction\n"));

    const Run whole = check("fixed-expanded --reduction on --format json");
    CHECK(whole.err ==
          "zcv: check --reduction on: fixed-expanded: no steps are declared to commute: every "
          "order was looked at\n");
    CHECK(documents(whole.out)[0]["reduction"] == "off");
}
