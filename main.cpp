// The front door: the list of verbs. Each folder owns what its verbs do.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "model/checker/check_verb.hpp"
#include "model/outcome.hpp"
#include "plots/verbs.hpp"
#include "realimpl/verbs.hpp"
#include "traces/verbs.hpp"

int main(int argc, char** argv) {
    CLI::App app{"zcv, the zero-copy verifier: can a buffer be reused before the kernel let go of it?",
                 "zcv"};
    app.set_version_flag("--version", "zcv " ZCV_VERSION);
    app.require_subcommand(1);
    app.footer("\nzcv VERB --help tells more. Exit status: 0 clean, 1 violation, 2 usage, "
               "3 inconclusive,\n4 this machine cannot, 5 internal error.");
    zcv::Status status = zcv::Status::clean;
    try {
        zcv::add_check_verb(app, status);
        zcv::add_trace_verbs(app, status);
        zcv::add_realimpl_verbs(app, status);
        zcv::add_plot_verbs(app, status);
        app.parse(argc, argv);
    } catch (const CLI::Success& help) {
        return app.exit(help);
    } catch (const CLI::ParseError& error) {
        std::cerr << "zcv: " << error.what() << " (zcv --help lists the verbs)\n";
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
