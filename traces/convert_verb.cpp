#include "traces/convert_verb.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>

#include "traces/convert.hpp"
#include "traces/file_words.hpp"
#include "traces/perfetto.hpp"
#include "traces/zct.hpp"

namespace zcv {
namespace {

struct Options {
    std::string file;
    std::string to;
    std::string out = "-";
};

// The reader of our output has seen enough, as in `zcv convert ... | head`.
struct ReaderGone {};

// A file or, as "-", the standard output.
class Output {
  public:
    explicit Output(const Options& options);
    ~Output() {
        if (owned_) ::close(fd_);
    }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    void write(std::string_view text) const;
    void finish();

  private:
    [[noreturn]] void failed(int error) const;

    std::string name_ = "standard output";
    int fd_ = STDOUT_FILENO;
    bool owned_ = false;
};

Output::Output(const Options& options) {
    if (options.out == "-") return;
    name_ = printable(options.out);
    struct stat in {};
    struct stat out {};
    if (::stat(options.file.c_str(), &in) == 0 && ::stat(options.out.c_str(), &out) == 0 &&
        in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
        throw Refusal(Status::usage, name_ + ": is the trace itself: choose another output file");
    }
    fd_ = ::open(options.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd_ < 0) {
        throw Refusal(Status::usage, fmt::format("{}: cannot be written: {}: choose another output "
                                                 "file",
                                                 name_, error_words(errno)));
    }
    owned_ = true;
}

void Output::failed(int error) const {
    if (error == EPIPE) throw ReaderGone{};
    throw Refusal(Status::unable,
                  fmt::format("{}: cannot be written: {}: free some space or choose another output",
                              name_, error_words(error)));
}

void Output::write(std::string_view text) const {
    while (!text.empty()) {
        const ssize_t put = ::write(fd_, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) failed(errno);
        text.remove_prefix(static_cast<std::size_t>(put));
    }
}

// Network file systems tell only here that the disk is full.
void Output::finish() {
    if (!owned_) return;
    owned_ = false;
    if (::close(fd_) != 0) failed(errno);
}

struct Format {
    const char* name;
    void (*write)(const Trace&, const Sink&);
};
constexpr Format formats[] = {
    {"jsonl", write_jsonl},
    {"perfetto", write_perfetto},
};

const Format& format_named(const std::string& name) {
    std::string names;
    for (const Format& format : formats) {
        if (name == format.name) return format;
        names += names.empty() ? "" : ", ";
        names += format.name;
    }
    throw Refusal(Status::usage,
                  fmt::format("--to {}: no such format: choose from {}", printable(name), names));
}

void convert(const Options& options) {
    const Format& format = format_named(options.to);
    const Trace trace = read_trace(options.file);
    if (trace.cut_off) {
        fmt::print(stderr, "zcv: {}: {}: converting the {} records before that\n",
                   printable(options.file), trace.cut_reason, trace.events.size());
    }
    std::signal(SIGPIPE, SIG_IGN);  // the write says EPIPE instead
    try {
        Output output(options);
        format.write(trace, [&](std::string_view text) { output.write(text); });
        output.finish();
    } catch (const ReaderGone&) {
    }
}

}  // namespace

void add_convert_verb(CLI::App& app, Status& status) {
    auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand("convert", "Turn a trace into a form other tools read");
    verb->add_option("FILE", options->file, "the trace, as zcv capture wrote it")->required();
    verb->add_option("--to", options->to,
                     "jsonl: JSON, one object a line; perfetto: for ui.perfetto.dev")
        ->required();
    verb->add_option("-o,--output", options->out, "where to, - for standard output");
    verb->footer(
        "\nExamples:\n"
        "  zcv convert trace.zct --to jsonl | head -3\n"
        "  zcv convert trace.zct --to jsonl -o trace.jsonl\n"
        "  zcv convert trace.zct --to perfetto -o trace.pftrace\n"
        "  zcv convert trace.zct --to jsonl | jq -c 'select(.kind == \"notif\")'");
    verb->callback([options, &status] {
        convert(*options);
        status = Status::clean;
    });
}

}  // namespace zcv
