#include "tests/tidy.hpp"

#include <catch2/catch.hpp>

#include "tests/trace_builder.hpp"

using namespace zcv::tidy;
using zcv::test::TempDir;

namespace {

const std::vector<Source>& tree() {
    static const std::vector<Source> sources = sources_under(ZCV_SOURCE_DIR);
    return sources;
}

Source made(const std::string& path, const std::string& text) {
    return {path, text, lines_of(text)};
}

void check_tidy(const Complaints& complaints) {
    for (const std::string& complaint : complaints) FAIL_CHECK(complaint);
    CHECK(complaints.empty());
}

}  // namespace

TEST_CASE("the checks look at the whole tree", "[tidy]") {
    for (const std::string path : {"main.cpp", "run", "model/outcome.hpp", "traces/zcv_event.h",
                                   "tests/CMakeLists.txt", "plots/lifecycle.cpp"}) {
        INFO(path);
        CHECK(std::any_of(tree().begin(), tree().end(),
                          [&](const Source& source) { return source.path == path; }));
    }
}

TEST_CASE("no line is longer than 100 columns", "[tidy]") {
    CHECK(long_lines({made("a.cpp", std::string(101, 'x'))}).size() == 1);
    check_tidy(long_lines(tree()));
}

TEST_CASE("no file is longer than 700 lines", "[tidy]") {
    CHECK(long_files({made("a.cpp", std::string(701, '\n'))}).size() == 1);
    check_tidy(long_files(tree()));
}

TEST_CASE("no function is longer than 70 lines", "[tidy]") {
    const std::string body = "int f() {\n" + std::string(69, '\n') + "}\n";
    CHECK(long_functions({made("a.cpp", body)}).size() == 1);
    CHECK(long_functions({made("a.cpp", "// clang-format off\n" + body)}).empty());
    const std::string table = "constexpr std::array table{\n" + std::string(99, '\n') + "};\n";
    CHECK(long_functions({made("a.cpp", table)}).empty());
    check_tidy(long_functions(tree()));
}

TEST_CASE("nothing is left for later", "[tidy]") {
    CHECK(unfinished({made("a.cpp", std::string("int a;  // TO") + "DO more")}).size() == 1);
    CHECK(unfinished({made("a.cpp", std::string("// not impl") + "emented")}).size() == 1);
    check_tidy(unfinished(tree()));
}

TEST_CASE("every source is built or included", "[tidy]") {
    const Source lists = made("model/CMakeLists.txt", "add_library(m STATIC used.cpp)");
    CHECK(unlisted({lists, made("model/used.cpp", "")}).empty());
    CHECK(unlisted({lists, made("model/sed.cpp", "")}).size() == 1);
    CHECK(unlisted({lists, made("model/alone.hpp", "")}).size() == 1);
    check_tidy(unlisted(tree()));
}

TEST_CASE("includes point one way", "[tidy]") {
    const auto complaints = [](const std::string& path, const std::string& text) {
        const Source lists =
            made("model/CMakeLists.txt", "add_library(zcv_check STATIC checker/check_verb.cpp)");
        return wrong_includes({lists, made(path, text)}).size();
    };
    CHECK(complaints("model/a.cpp", "#include \"traces/zct.hpp\"") == 1);
    CHECK(complaints("model/a.cpp", "#include <linux/types.h>") == 1);
    CHECK(complaints("model/a.cpp", "#include <unistd.h>") == 1);
    CHECK(complaints("model/a.cpp", "#include <vector>\n#include <boost/graph/graph_traits.hpp>") ==
          0);
    CHECK(complaints("model/checker/check_verb.cpp", "#include <CLI/CLI.hpp>") == 0);
    CHECK(complaints("realimpl/a.cpp", "#include \"plots/verbs.hpp\"") == 1);
    CHECK(complaints("plots/a.cpp", "#include \"tests/tidy.hpp\"") == 1);
    const std::string both = "#include \"model/kernel/a.hpp\"\n#include \"traces/zcv_event.h\"";
    CHECK(complaints("traces/replay.cpp", both) == 1);
    CHECK(complaints("traces/binding.cpp", both) == 0);
    check_tidy(wrong_includes(tree()));
}

TEST_CASE("a place in the kernel that is not there is found out", "[tidy]") {
    const TempDir linux_src;
    std::ofstream(linux_src / "notif.c")
        << "int io_notif_called(struct io_kiocb *notif);\n\n/* io_notif_told() {} */\n"
           "static void\nio_notif_flush(struct io_kiocb *notif)\n\t__must_hold(&lock)\n{\n"
           "\tio_notif_called(notif);\n}\n";
    const std::string begin = "static constexpr KernelRef at{\"";
    const auto places = [&](const std::string& rest) {
        return kernel_places({made("model/kernel/notif.hpp", begin + rest + "\"};")});
    };
    CHECK(places("notif.c\",\n    \"io_notif_flush").size() == 1);
    CHECK(places("\", \"DMA").empty());
    CHECK(dangling_places(places("notif.c\", \"io_notif_flush"), linux_src / "").empty());
    CHECK(dangling_places(places("notif.c\", \"io_notif"), linux_src / "").size() == 1);
    CHECK(dangling_places(places("notif.c\", \"io_notif_called"), linux_src / "").size() == 1);
    CHECK(dangling_places(places("notif.c\", \"io_notif_told"), linux_src / "").size() == 1);
    CHECK(dangling_places(places("gone.c\", \"io_notif_flush"), linux_src / "").size() == 1);
    const auto old = places("gone.c\", \"io_notif_slot_flush\", \"6.0-rc");
    REQUIRE(old.size() == 1);
    CHECK(old[0].version == "6.0-rc");
    CHECK(dangling_places(old, linux_src / "").empty());
}
