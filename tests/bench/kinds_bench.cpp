// Which kinds of records occur: one real capture of each workload with every kind recorded, content
// hashes and the write watch, a column each. A table on stdout, as markdown; what was lost is its
// last row. Ends with status 1, naming them, when some kind occurs nowhere. Needs root.
#include <fmt/format.h>

#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "tests/program.hpp"
#include "traces/zct.hpp"

namespace {

using namespace zcv;

constexpr const char* drive = ZCV_PROGRAM " drive ";
constexpr const char* client = ZCV_CLIENT " ";

struct Workload {
    const char* program;
    const char* arguments;
};

constexpr Workload workloads[]{
    {drive, "udp --rate none --sends 20000"},
    {drive, "tcp --size 64k --sends 5000"},
    {drive, "udp --api sendmsg_zc --vectors 3 --async"},
    {drive, "tcp --size 64k --sends 50 --sndbuf 8192 --rcvbuf 8192 --pause-ms 200"},
    {drive, "udp --link --fault address"},
    {drive, "udp --fault skip-success"},
    {drive, "udp --drain --stall-ms 1000"},
    {drive, "udp --defer-taskrun --cq-entries 8 --buffers 128"},
    {drive, "udp --api msg_zerocopy"},
    {drive, "tcp --event cancel"},
    {drive, "tcp --event peer-reset"},
    {drive, "tcp --event shutdown"},
    {drive, "udp --fixed --event unregister"},
    {drive, "udp --event fork"},
    {drive, "udp --event exec"},
    {drive, "udp --misuse remap"},
    {drive, "udp --device lo"},
    {client, "lossy-tcp"},
    {client, "misuse-pool"},
    {client, "heap"},
};

struct Column {
    std::string title;
    Totals totals;
};

// Throws Refusal for a capture that left no trace.
Totals captured(const Workload& workload, const std::string& file) {
    const test::Ran ran = test::run_shell(
        fmt::format("{} capture -o {} --events all --hash sampled --write-watch -- {}{}",
                    ZCV_PROGRAM, test::shell_quoted(file), workload.program, workload.arguments));
    if (ran.status == 4) std::cerr << ran.err;
    return read_trace(file).totals;
}

std::uint64_t count_in(const std::map<std::string, std::uint64_t>& by_kind, const char* kind) {
    const auto found = by_kind.find(kind);
    return found == by_kind.end() ? 0 : found->second;
}

// Returns the kinds that occur in none of them.
std::vector<std::string> print_table(const std::vector<Column>& columns) {
    std::vector<std::string> missing;
    std::cout << "| kind |";
    for (std::size_t i = 0; i < columns.size(); ++i) std::cout << fmt::format(" {} |", i + 1);
    std::cout << "\n|---|";
    for (std::size_t i = 0; i < columns.size(); ++i) std::cout << "--:|";
    for (int number = 1; number < ZCV_KIND_COUNT; ++number) {
        const char* const kind = name_of(static_cast<zcv_event_kind>(number));
        std::uint64_t all = 0;
        std::cout << fmt::format("\n| {} |", kind);
        for (const Column& column : columns) {
            const std::uint64_t count = count_in(column.totals.by_kind, kind);
            std::cout << (count == 0 ? std::string(" |") : fmt::format(" {} |", count));
            all += count;
        }
        if (all == 0) missing.emplace_back(kind);
    }
    std::cout << "\n| **lost** |";
    for (const Column& column : columns) std::cout << fmt::format(" {} |", column.totals.lost);
    std::cout << "\n\n";
    for (std::size_t i = 0; i < columns.size(); ++i)
        std::cout << fmt::format("{}. `{}`\n", i + 1, columns[i].title);
    return missing;
}

}  // namespace

int main() {
    const test::TempDir folder;
    std::vector<Column> columns;
    try {
        for (const Workload& workload : workloads)
            columns.push_back({(workload.program == drive ? "zcv drive " : "zcclient ") +
                                   std::string(workload.arguments),
                               captured(workload, folder / fmt::format("{}.zct", columns.size()))});
    } catch (const std::exception& refused) {
        std::cerr << "kinds_bench: " << refused.what() << '\n';
        return 4;
    }
    const std::vector<std::string> missing = print_table(columns);
    for (const std::string& kind : missing)
        std::cerr << "kinds_bench: no workload had a record of kind " << kind << '\n';
    return missing.empty() ? 0 : 1;
}
