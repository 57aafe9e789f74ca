// The tables in the tree's pages are what the commands in their comments print. ZCV_REWRITE=1
// writes them anew.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "tests/program.hpp"

using namespace zcv::test;

namespace {

constexpr std::string_view opening = "<!-- zcv ";
constexpr std::string_view closing = "<!-- end -->\n";

struct Table {
    std::string command;        // "explain --kind bug --format markdown"
    std::size_t begin, length;  // of what it printed
};

// The first table that opens at or after `from`; nothing when there is no further one.
std::optional<Table> next_table(const std::string& page, std::size_t from) {
    const std::size_t at = page.find(opening, from);
    if (at == std::string::npos) return std::nullopt;
    const std::size_t name = at + opening.size();
    const std::size_t name_ends = page.find(" -->\n", name);
    REQUIRE(name_ends != std::string::npos);
    const std::size_t begin = page.find('\n', name_ends) + 1;
    const std::size_t end = page.find(closing, begin);
    REQUIRE(end != std::string::npos);
    return Table{page.substr(name, name_ends - name), begin, end - begin};
}

}  // namespace

TEST_CASE("the tables in the README files are what their commands print", "[readme]") {
    std::size_t tables = 0;
    for (const char* name : {"/README.md", "/model/README.md", "/traces/README.md"}) {
        const std::string file = std::string(ZCV_SOURCE_DIR) + name;
        std::string page = text_of_file(file);
        REQUIRE(!page.empty());
        for (auto table = next_table(page, 0); table; table = next_table(page, table->begin)) {
            INFO(name << ": zcv " << table->command);
            const Ran ran = run_shell("cd " + shell_quoted(ZCV_SOURCE_DIR) + " && " +
                                      shell_quoted(ZCV_PROGRAM) + " " + table->command);
            REQUIRE(ran.status == 0);
            if (std::getenv("ZCV_REWRITE") != nullptr)
                page.replace(table->begin, table->length, ran.out);
            else
                CHECK(page.substr(table->begin, table->length) == ran.out);
            ++tables;
        }
        if (std::getenv("ZCV_REWRITE") != nullptr) std::ofstream(file) << page;
    }
    CHECK(tables >= 8);
}
