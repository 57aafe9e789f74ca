#include "plots/picture_options.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "model/outcome.hpp"
#include "traces/file_words.hpp"

extern char** environ;

namespace zcv {

void add_picture_options(CLI::App& verb, PictureOptions& options, const std::string& kinds) {
    verb.add_option("-o,--output", options.output, "the picture: " + kinds)->required();
    verb.add_option("--theme", options.theme, "light or dark")->capture_default_str();
    verb.add_option("--csv", options.csv, "also write the data of the figure to this file");
    verb.add_flag("--open", options.open, "show the picture when it is done (xdg-open)");
}

void write_csv(const PictureOptions& options, const std::function<void(std::ostream&)>& rows) {
    if (options.csv.empty()) return;
    std::ofstream out(options.csv);
    if (out) rows(out);
    out.close();
    if (!out)
        throw Refusal(Status::usage, fmt::format("--csv {}: cannot be written: {}: name another "
                                                 "file",
                                                 printable(options.csv), error_words(errno)));
}

std::string csv_value(const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + '"';
}

void show_if_asked(const PictureOptions& options) {
    if (!options.open) return;
    std::array<std::string, 2> words{"xdg-open", options.output};
    std::array<char*, 3> argv{words[0].data(), words[1].data(), nullptr};
    pid_t child = 0;
    const int rc = posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environ);
    int state = 0;
    const bool shown = rc == 0 && waitpid(child, &state, 0) == child && state == 0;
    if (!shown)
        throw Refusal(
            Status::unable,
            fmt::format("--open: xdg-open {}: {}: the picture is there: open it yourself, "
                        "or apt-get install xdg-utils",
                        printable(options.output),
                        rc == 0 ? std::string("it could not show it") : error_words(rc)));
}

}  // namespace zcv
