#include "traces/references_verb.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "traces/references.hpp"

namespace zcv {
namespace {

struct Options {
    std::vector<std::string> files;
    std::string profile;
    std::string format = "text";
};

}  // namespace

void add_references_verb(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = app.add_subcommand(
        "references", "what a replay infers of counts, beside what function probes saw of them");
    verb->add_option("FILE", options->files, "traces (.zct), captured with ubuf-ref records")
        ->required();
    verb->add_option("--profile", options->profile,
                     "the kernel to replay them on (default: the one of each)");
    verb->add_option("--format", options->format, "text, json (one object a trace) or markdown")
        ->check(CLI::IsMember({"text", "json", "markdown"}));
    verb->footer(
        "\nExit status: 0 when the two agree in 99.9 % or more, 1 when not, 3 when a trace has "
        "nothing\nto compare.\n\n"
        "Examples:\n"
        "  zcv guest 6.12 -o udp.zct -- drive udp && zcv references udp.zct\n"
        "  zcv references --format markdown traces/captured/6.*/*.zct");
    verb->callback([options, &status] {
        std::vector<References> all;
        RefCounts sum;
        status = Status::clean;
        for (const std::string& file : options->files) {
            all.push_back(compare_references(file, read_trace(file), {options->profile}));
            sum.seen += all.back().all.seen;
            sum.inferred += all.back().all.inferred;
            sum.same += all.back().all.same;
            if (!all.back().why_none.empty()) status = Status::inconclusive;
        }
        print_references(std::cout, all, options->format);
        if (sum.same * 1000 < (sum.seen + sum.inferred - sum.same) * 999)
            status = Status::violation;
    });
}

}  // namespace zcv
