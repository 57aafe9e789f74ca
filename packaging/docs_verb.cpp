#include "packaging/docs_verb.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "packaging/docs.hpp"

namespace zcv {
namespace {

void write(const std::filesystem::path& file, const std::string& text) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    std::ofstream out(file);
    out << text;
    out.close();
    if (!out)
        throw Refusal(Status::usage, fmt::format("docs {}: cannot be written: {}: name a folder "
                                                 "that can",
                                                 file.string(), std::strerror(errno)));
}

void write_docs(const CLI::App& app, const std::filesystem::path& folder) {
    for_each_verb(app, [&](const CLI::App& verb) {
        write(folder / "man1" / (page_name(verb) + ".1"), manual_page(verb));
    });
    write(folder / "zcv.bash", bash_completion(app));
    write(folder / "zcv.zsh", zsh_completion(app));
    write(folder / "zcv.fish", fish_completion(app));
}

}  // namespace

void add_docs_verb(CLI::App& app, Status& status) {
    const auto folder = std::make_shared<std::string>();
    CLI::App* const verb = app.add_subcommand(
        "docs", "write the manual pages and the completions of bash, zsh and fish");
    verb->add_option("FOLDER", *folder, "where to: man1/, zcv.bash, zcv.zsh, zcv.fish")->required();
    verb->footer(
        "\nExamples:\n"
        "  zcv docs docs && man docs/man1/zcv-check.1\n"
        "  zcv docs docs && . docs/zcv.bash");
    verb->callback([&app, folder, &status] {
        write_docs(app, *folder);
        status = Status::clean;
    });
}

}  // namespace zcv
