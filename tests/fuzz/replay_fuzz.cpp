// Any records are a report, never a crash, a hang or memory without bound. The input is a list of
// records, each a few bytes that choose a kind and small names for objects, so that a fuzzer makes
// records that speak of one another; replay_corpus makes such lists of captures. Every
// trace is replayed, held against an older kernel, and written in every form.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <vector>

#include "model/ensure.hpp"
#include "tests/fuzz/record_list.hpp"
#include "traces/replay.hpp"
#include "traces/report.hpp"

namespace {

using namespace zcv;

void judge(const Trace& trace, const char* profile, const char* format) {
    const ReplayReport report = replay(trace, {.profile = profile});
    ZCV_CHECK(report.matched <= report.records);
    ZCV_CHECK(report.records == trace.events.size());
    ZCV_CHECK(report.divergence.has_value() == (report.matched < report.records));
    if (report.divergence || !report.violations.empty())
        ZCV_CHECK(report.verdict != Verdict::clean);
    std::ostringstream out;
    print_report(out, report, trace, "fuzz.zct", format);
    ZCV_CHECK(!out.str().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::array formats{"text", "json", "jsonl", "junit", "sarif"};
    const Trace trace = fuzz::trace_of({data, size});
    judge(trace, "", formats[size % formats.size()]);
    judge(trace, "6.1", "text");
    return 0;
}
