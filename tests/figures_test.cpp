// The pictures in the README show what the commands named there draw today: their data is committed
// beside them. ZCV_REWRITE=1 draws all of them anew.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/program.hpp"

using namespace zcv::test;

namespace {

struct Figure {
    const char* picture;  // below plots/examples/; its data is beside it, .csv
    const char* command;  // what draws it, without -o and --csv
};

constexpr Figure figures[] = {
    {"tcp-nic-first-cqe.png", "plot lifecycle traces/captured/tcp-nic-first-cqe.zct"},
    {"one-send.png", "plot lifecycle traces/captured/udp-nic-conforming.zct --request 0x3"},
    {"first-cqe-wire.png", "plot counterexample first-cqe-wire"},
    {"first-cqe.svg", "plot graph first-cqe"},
    {"steps.png", "plot compare plots/examples/steps.json --by-step"},
};

}  // namespace

TEST_CASE("the pictures in the README show what their commands draw", "[figures]") {
    const std::string source = ZCV_SOURCE_DIR;
    const std::string readme = text_of_file(source + "/README.md");
    for (const Figure& figure : figures) {
        INFO(figure.picture);
        const std::string picture = source + "/plots/examples/" + figure.picture;
        const std::string data = picture.substr(0, picture.rfind('.')) + ".csv";
        const TempDir dir;
        const bool rewrite = std::getenv("ZCV_REWRITE") != nullptr;
        const std::string ending =
            std::string(figure.picture).substr(picture.rfind('.') - picture.rfind('/') - 1);
        const Ran ran =
            run_shell("cd " + shell_quoted(source) + " && " ZCV_PROGRAM " " + figure.command +
                      " -o " + (rewrite ? picture : dir / ("x" + ending)) + " --csv " +
                      (rewrite ? data : dir / "x.csv"));
        INFO(ran.err);
        REQUIRE(ran.status == 0);
        CHECK(readme.find(std::string("plots/examples/") + figure.picture) != std::string::npos);
        CHECK(readme.find(std::string("zcv ") + figure.command) != std::string::npos);
        if (rewrite) continue;
        CHECK(text_of_file(dir / "x.csv") == text_of_file(data));
        CHECK(std::filesystem::file_size(picture) > 10'000);
    }
}
