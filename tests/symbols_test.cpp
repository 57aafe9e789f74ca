// Where code stands, from what compilers write: gcc with a table of addresses, others without.
#include "realimpl/symbols.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/program.hpp"

using namespace zcv::test;

namespace {

constexpr std::uint32_t first_line = __LINE__ + 3;

// noinline alone lets compilers make another function of it.
[[gnu::noinline, gnu::used]] int known_place(int number) {
    return number + 1;
}

// How far into its file the code at an address of this program is.
std::uint64_t offset_in_file(std::uintptr_t address) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream words(line);
        std::uint64_t begin = 0, end = 0, offset = 0;
        char dash = 0;
        std::string access;
        words >> std::hex >> begin >> dash >> end >> access >> offset;
        if (begin <= address && address < end) return address - begin + offset;
    }
    return 0;
}

zcv::StackFrame named(const std::string& program) {
    zcv::Stack stack;
    stack.frames.resize(1);
    stack.frames[0].module = program;
    stack.frames[0].offset = offset_in_file(reinterpret_cast<std::uintptr_t>(&known_place));
    zcv::Symbols().name(stack);
    REQUIRE(stack.frames.size() == 1);
    return stack.frames[0];
}

}  // namespace

TEST_CASE("code has its function, file and line with a table of addresses and without",
          "[symbols]") {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    const TempDir dir;
    const std::string stripped = dir / "without-aranges";
    REQUIRE(known_place(1) == 2);
    REQUIRE(run_shell("objcopy --remove-section .debug_aranges " + shell_quoted(self) + " " +
                      shell_quoted(stripped))
                .status == 0);
    for (const std::string& program : {self, stripped}) {
        INFO(program);
        const zcv::StackFrame frame = named(program);
        CHECK(frame.function == "(anonymous namespace)::known_place(int)");
        CHECK(std::filesystem::path(frame.file).filename() == "symbols_test.cpp");
        CHECK((frame.line == first_line || frame.line == first_line + 1));  // without a prologue
    }
}

TEST_CASE("code that nothing is known of stays without a name", "[symbols]") {
    const TempDir dir;
    const std::string text = dir / "text";
    std::ofstream(text) << "not a program";
    for (const std::string& file : {text, dir / "not-there"}) {
        zcv::Stack stack;
        stack.frames.resize(1);
        stack.frames[0].module = file;
        stack.frames[0].offset = 1;
        zcv::Symbols().name(stack);
        REQUIRE(stack.frames.size() == 1);
        CHECK(stack.frames[0].function.empty());
        CHECK(stack.frames[0].file.empty());
    }
}
