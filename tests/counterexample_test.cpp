// The counterexamples of the kernel scenarios, word for word: what a kernel developer reads.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "model/scenarios.hpp"
#include "tests/program.hpp"

using namespace zcv;

TEST_CASE("every broken kernel scenario tells its shortest counterexample word for word",
          "[checker][golden]") {
    std::size_t told = 0;
    for (const Scenario& scenario : kernel_scenarios()) {
        if (scenario.expect.broken.empty()) continue;
        DYNAMIC_SECTION(scenario.name) {
            const checker::Outcome outcome = scenario.explore({});
            const std::string text =
                outcome.broken + "\n" + text_of(outcome.counterexample, outcome.repeat);
            const std::string file =
                std::string(ZCV_SOURCE_DIR) + "/tests/golden/" + scenario.name + ".counterexample";
            if (std::getenv("ZCV_REWRITE") != nullptr) std::ofstream(file) << text;
            CHECK(text == test::text_of_file(file));
        }
        ++told;
    }
    CHECK(told >= 4);
}
