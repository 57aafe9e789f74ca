// How fast `zcv replay` is and what memory it takes: a long TCP trace of the running kernel, the
// same ten times as long, and `perf script` printing as many tracepoint records of the same
// workload. Processor time and resident memory of whole processes, so reading the file is part of
// it; rounds alternate, medians count. A table on stdout, as markdown. Needs root.
//
// With the name of a trace.dat there is a row for `trace-cmd report` as well. Not every kernel lets
// one be recorded; where this one does: trace-cmd record -e io_uring -e net -e skb zcv drive tcp
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "model/outcome.hpp"
#include "tests/program.hpp"
#include "traces/zct.hpp"

namespace {

using namespace zcv;

constexpr const char* workload = ZCV_PROGRAM " drive tcp --sends 50000 --rate 400mbit";
constexpr const char* tracepoints =
    "net:net_dev_queue,net:net_dev_start_xmit,net:netif_receive_skb,skb:consume_skb,"
    "io_uring:io_uring_complete,io_uring:io_uring_submit_req";
constexpr std::uint32_t times_longer = 10;
constexpr int rounds = 5;

struct Row {
    std::string name;
    std::string command;
    std::uint64_t records;
    std::vector<test::RunCost> costs = {};

    double median(double test::RunCost::*what) const {
        std::vector<double> all;
        for (const test::RunCost& cost : costs) all.push_back(cost.*what);
        std::ranges::sort(all);
        return all[all.size() / 2];
    }
    double per_second() const {
        return static_cast<double>(records) / median(&test::RunCost::seconds);
    }
};

void print_table(const std::vector<Row>& rows) {
    std::cout << "| | records | records/s of one core | resident | bytes a record |\n"
                 "|---|--:|--:|--:|--:|\n";
    for (const Row& row : rows)
        std::cout << fmt::format(
            "| {} | {} | {:.2f} M | {:.0f} MiB | {:.0f} |\n", row.name, row.records,
            row.per_second() / 1e6, row.median(&test::RunCost::mib),
            row.median(&test::RunCost::mib) * 1024 * 1024 / static_cast<double>(row.records));
}

std::vector<Row> measured(const test::TempDir& folder, const std::string& trace_dat) {
    const std::string file = folder / "long.zct";
    const std::string longer = folder / "longer.zct";
    const test::Ran ran = test::run_shell(fmt::format(
        "{} capture --hash sampled -o {} -- {}", ZCV_PROGRAM, test::shell_quoted(file), workload));
    if (ran.status == 4) throw Refusal(Status::unable, ran.err);
    const Trace trace = read_trace(file);
    if (trace.totals.lost > 0)
        throw Refusal(Status::unable, fmt::format("{} records of the trace were lost: try again "
                                                  "on a machine with less to do",
                                                  trace.totals.lost));
    test::write_longer(trace, longer, times_longer);
    std::vector<Row> rows{
        {"`zcv replay`", ZCV_PROGRAM " replay " + test::shell_quoted(file), trace.events.size()},
        {"`zcv replay`, ten times as long", ZCV_PROGRAM " replay " + test::shell_quoted(longer),
         trace.events.size() * times_longer}};
    const std::string data = folder / "perf.data";
    const std::string print = "perf script -i " + test::shell_quoted(data);
    test::run_shell(fmt::format("perf record -m 64M -e {} -o {} -- {}", tracepoints,
                                test::shell_quoted(data), workload));
    const std::size_t lines = test::lines_in(test::run_shell(print).out);
    if (lines == 0)
        std::cerr << "replay_bench: perf has no tracepoints here: no row for perf script\n";
    else
        rows.push_back({"`perf script`", print, lines});
    if (!trace_dat.empty()) {
        const std::string report = "trace-cmd report -i " + test::shell_quoted(trace_dat);
        const std::string count = test::run_shell(report + " | grep -c ': '").out;
        rows.push_back({"`trace-cmd report`", report, std::stoul(count)});
    }
    for (int round = 0; round < rounds; ++round)
        for (Row& row : rows) row.costs.push_back(test::cost_of(row.command));
    return rows;
}

}  // namespace

int main(int count, char** words) {
    try {
        const std::vector<Row> rows = measured({}, count > 1 ? words[1] : "");
        print_table(rows);
        std::cout << '\n';
        for (std::size_t peer = 2; peer < rows.size(); ++peer)
            std::cout << fmt::format("{:.1f} times {}.\n",
                                     rows.front().per_second() / rows[peer].per_second(),
                                     rows[peer].name);
    } catch (const std::exception& refused) {
        std::cerr << "replay_bench: " << refused.what() << '\n';
        return 4;
    }
    return 0;
}
