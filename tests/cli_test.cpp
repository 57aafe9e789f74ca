#include <catch2/catch.hpp>

#include "tests/captured.hpp"
#include "tests/program.hpp"

// The front door: what zcv says and how it ends when it is used wrongly, or asked about itself.

using namespace zcv::test;

namespace {

Ran zcv_with(const std::string& arguments) {
    return run_shell(shell_quoted(ZCV_PROGRAM) + " " + arguments);
}

void check_one_line_refusal(const Ran& ran, int status, const std::string& about) {
    INFO(ran.err);
    CHECK(ran.status == status);
    CHECK(ran.out.empty());
    CHECK(lines_in(ran.err) == 1);
    CHECK(ran.err.rfind("zcv: ", 0) == 0);
    CHECK(ran.err.find(about) != std::string::npos);
}

}  // namespace

TEST_CASE("without a verb zcv says so and where to look", "[cli]") {
    const Ran ran = zcv_with("");
    check_one_line_refusal(ran, 2, "zcv --help");
}

TEST_CASE("an unknown verb is named and refused", "[cli]") {
    check_one_line_refusal(zcv_with("frobnicate"), 2, "frobnicate");
}

TEST_CASE("an unknown option where a verb belongs is named", "[cli]") {
    check_one_line_refusal(zcv_with("--frobnicate"), 2, "--frobnicate: not an option of zcv");
    check_one_line_refusal(zcv_with("-x check"), 2, "-x: not an option of zcv");
    check_one_line_refusal(zcv_with("''"), 2, "'': not a verb of zcv");
}

TEST_CASE("each nasty command line of the verbs that read or capture is one line", "[cli]") {
    const auto [arguments, says] = GENERATE(table<std::string, std::string>({
        {"replay", "FILE is required"},
        {"replay ''", "no such file"},
        {"replay /no/such.zct", "/no/such.zct"},
        {"replay /", "is a directory"},
        {"replay /dev/null", "/dev/null"},
        {"replay --profile '' /dev/null", "zcv: "},
        {"replay --format yaml /dev/null", "yaml"},
        {"convert /dev/null", "--to"},
        {"convert /dev/null --to xml", "xml"},
        {"convert '' --to jsonl", "no such file"},
        {"plot nothing", "'nothing'"},
        {"plot lifecycle", "trace"},
        {"capture", "--output"},
        {"capture -o x.zct", "Give a command"},
        {"capture -o x.zct --pid 0", "--pid: 0: give a number above 0"},
        {"capture -o x.zct --pid -1", "--pid: -1: give a number above 0"},
        {"capture -o x.zct --pid many", "--pid"},
        {"capture -o x.zct --pid 99999999999999999999", "--pid"},
        {"capture -o x.zct --pid 1 --time-max -1", "--time-max: -1: give a number above 0"},
        {"capture -o x.zct --pid 1 --time-max 1e400", "--time-max: 1e400: give a number above 0"},
        {"capture -o x.zct --pid 1 -- true", "exclude each other"},
        {"capture -o x.zct --hash some -- true", "some"},
        {"run", "Give a command"},
        {"run --", "Give a command"},
        {"run -- /no/such/program", "/no/such/program"},
        {"run -- ''", "cannot run"},
    }));
    INFO(arguments);
    const Ran ran = zcv_with(arguments);
    check_one_line_refusal(ran, 2, says);
    CHECK(ran.err.size() < 300);
}

TEST_CASE("an unknown option of a verb is refused", "[cli]") {
    check_one_line_refusal(zcv_with("plot lifecycle --frobnicate"), 2, "zcv plot lifecycle --help");
    check_one_line_refusal(zcv_with("plot lifecycle x.zct"), 2, "zcv plot lifecycle --help");
    check_one_line_refusal(zcv_with("plot"), 2, "zcv plot --help");
}

TEST_CASE("a report that cannot be written is an error, and a violation stays one", "[cli]") {
    const auto onto_full = [](const std::string& name) {
        return zcv_with("replay " + shell_quoted((captured / (name + ".zct")).string()) +
                        " >/dev/full");
    };
    check_one_line_refusal(onto_full("udp-nic-conforming"), 4, "standard output");
    check_one_line_refusal(onto_full("tcp-nic-first-cqe"), 1, "standard output");
}

TEST_CASE("the help goes to stdout, lists the verbs and the statuses, and succeeds", "[cli]") {
    const Ran ran = zcv_with("--help");
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    for (const std::string word : {"plot", "Exit status", "zcv VERB --help"}) {
        INFO(word);
        CHECK(ran.out.find(word) != std::string::npos);
    }
}

TEST_CASE("the version is one line with the version of the build", "[cli]") {
    const Ran ran = zcv_with("--version");
    CHECK(ran.status == 0);
    CHECK(ran.out == "zcv " ZCV_VERSION "\n");
    CHECK(ran.err.empty());
}

TEST_CASE("the help of plot lifecycle ends with commands that can be pasted", "[cli][plot]") {
    const Ran ran = zcv_with("plot lifecycle --help");
    CHECK(ran.status == 0);
    CHECK(ran.out.find("Examples:") != std::string::npos);
    CHECK(ran.out.find("zcv plot lifecycle") != std::string::npos);
}

TEST_CASE("plot refuses each bad file in one line and leaves nothing behind", "[cli][plot]") {
    const TempDir dir;
    std::ofstream(dir / "note.zct") << "not a trace";
    TraceBuilder().write(dir / "empty.zct");
    const auto plot = [&](const std::string& trace, const std::string& output) {
        return zcv_with("plot lifecycle " + shell_quoted(trace) + " -o " + shell_quoted(output));
    };
    check_one_line_refusal(plot(dir / "none.zct", dir / "a.png"), 2, "none.zct");
    check_one_line_refusal(plot(dir / "note.zct", dir / "a.png"), 2, "note.zct");
    check_one_line_refusal(plot(dir / "", dir / "a.png"), 2, "directory");
    check_one_line_refusal(plot(dir / "empty.zct", dir / "a.png"), 3, "nothing to draw");
    check_one_line_refusal(plot(dir / "empty.zct", dir / "a.gif"), 2, ".png, .svg or .pdf");
    check_one_line_refusal(plot(dir / "empty.zct", dir / "a"), 2, ".png, .svg or .pdf");
    check_one_line_refusal(plot(dir / "empty.zct", dir / "no/such/a.png"), 2, "no/such/a.png");
    check_one_line_refusal(plot(dir / "empty.zct", "/proc/zcv.png"), 2, "/proc/zcv.png");
    std::size_t left = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir / "")) ++left;
    CHECK(left == 2);
}

TEST_CASE("plot refuses windows and widths that make no sense", "[cli][plot]") {
    const TempDir dir;
    TraceBuilder().write(dir / "empty.zct");
    const std::string base = "plot lifecycle " + (dir / "empty.zct") + " -o " + (dir / "a.png");
    check_one_line_refusal(zcv_with(base + " --from 5 --to 4"), 2, "--to 4");
    check_one_line_refusal(zcv_with(base + " --from -1"), 2, "--from");
    check_one_line_refusal(zcv_with(base + " --to nan"), 2, "--to");
    check_one_line_refusal(zcv_with(base + " --width 10"), 2, "--width");
    check_one_line_refusal(zcv_with(base + " --since when"), 2, "--since");
}
