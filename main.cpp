// The front door: the list of verbs. Each folder owns what its verbs do.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <string>

#include "model/checker/check_verb.hpp"
#include "model/explain_verb.hpp"
#include "model/outcome.hpp"
#include "packaging/docs_verb.hpp"
#include "plots/verbs.hpp"
#include "realimpl/verbs.hpp"
#include "traces/verbs.hpp"

namespace {

// A word where a verb belongs and none of that name: CLI11 would only say that a verb is missing.
// Of an option that stands there the same.
void refuse_unknown_verbs(const CLI::App& app, int argc, char** argv) {
    const CLI::App* at = &app;
    const std::string first = argc > 1 ? argv[1] : "";
    if (!first.empty() && first.front() == '-' && first != "-h" && first != "--help" &&
        first != "--version")
        throw zcv::Refusal(zcv::Status::usage,
                           first + ": not an option of zcv: a verb comes first (zcv --help)");
    for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
        const auto verbs = at->get_subcommands([](const CLI::App*) { return true; });
        if (verbs.empty()) return;
        const CLI::App* chosen = nullptr;
        std::string names;
        for (const CLI::App* verb : verbs) {
            names += (names.empty() ? "" : ", ") + verb->get_name();
            if (verb->check_name(argv[i])) chosen = verb;
        }
        if (chosen == nullptr) {
            throw zcv::Refusal(zcv::Status::usage, "'" + std::string(argv[i]) +
                                                       "': not a verb of " + at->get_name() +
                                                       ": try one of: " + names);
        }
        at = chosen;
    }
}

// Where to read on: the help of the verb that was on the command line.
std::string help_for(const CLI::App& app) {
    std::string words = app.get_name();
    const CLI::App* at = &app;
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
        words += ' ' + at->get_name();
    }
    return at == &app ? " (zcv --help lists the verbs)" : " (" + words + " --help tells more)";
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "zcv, the zero-copy verifier: can a buffer be reused before the kernel let go of it?",
        "zcv"};
    app.set_version_flag("--version", "zcv " ZCV_VERSION);
    app.require_subcommand(1);
    app.footer(
        "\nzcv VERB --help tells more. Exit status: 0 clean, 1 violation, 2 usage, "
        "3 inconclusive,\n4 this machine cannot, 5 internal error.");
    zcv::Status status = zcv::Status::clean;
    try {
        zcv::add_check_verb(app, status);
        zcv::add_explain_verb(app, status);
        zcv::add_trace_verbs(app, status);
        zcv::add_realimpl_verbs(app, status);
        zcv::add_plot_verbs(app, status);
        zcv::add_docs_verb(app, status);
        refuse_unknown_verbs(app, argc, argv);
        app.parse(argc, argv);
        // A report that nobody got must not look like one; of a violation the status still tells.
        if (!std::cout.flush()) {
            std::cerr << "zcv: standard output: cannot be written: free some space or choose "
                         "another output\n";
            if (status == zcv::Status::clean) status = zcv::Status::unable;
        }
    } catch (const CLI::Success& help) {
        return app.exit(help);
    } catch (const CLI::ParseError& error) {
        std::cerr << "zcv: " << error.what() << help_for(app) << '\n';
        status = zcv::Status::usage;
    } catch (const zcv::Refusal& refusal) {
        std::cerr << "zcv: " << refusal.what() << '\n';
        status = refusal.status();
    } catch (const std::exception& error) {
        std::cerr << "zcv: internal error: " << error.what() << '\n';
        status = zcv::Status::internal;
    }
    return static_cast<int>(status);
}
