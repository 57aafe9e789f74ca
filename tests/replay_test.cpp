// Replay on real captures: what they prove as they are, and what any change to them must not prove.
#include "traces/replay.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "tests/captured.hpp"
#include "tests/program.hpp"
#include "traces/report.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

ReplayReport judged(const Trace& trace) {
    return replay(trace, {});
}

std::string transcript(const Trace& trace, const std::string& name) {
    std::ostringstream out;
    print_report(out, judged(trace), trace, name, "text");
    return out.str();
}

std::size_t first_of(const Trace& trace, zcv_event_kind kind, std::size_t skip = 0) {
    for (std::size_t i = 0; i < trace.events.size(); ++i)
        if (trace.events[i].kind == kind && skip-- == 0) return i;
    FAIL("the capture has no such record");
    return 0;
}

bool breaks(const ReplayReport& report, const std::string& rule) {
    return std::ranges::any_of(report.violations,
                               [&](const Violation& v) { return v.property.starts_with(rule); });
}

}  // namespace

TEST_CASE("every shipped capture replays to the transcript beside it", "[replay][golden]") {
    REQUIRE(captures().size() >= 31);
    for (const auto& file : captures()) {
        DYNAMIC_SECTION(file.lexically_relative(captured).string()) {
            const std::string told =
                transcript(read_trace(file.string()), file.filename().string());
            std::filesystem::path expected = file;
            expected.replace_extension(".expected");
            if (std::getenv("ZCV_REWRITE") != nullptr) std::ofstream(expected) << told;
            CHECK(told == text_of_file(expected.string()));
        }
    }
}

TEST_CASE(
    "captures of other kernels are clean under their own profile, and no other's where they "
    "differ",
    "[replay][profiles]") {
    const auto of = [](const std::string& kernel, const std::string& name) {
        return capture(kernel + "/" + name);
    };
    const std::vector<std::string> conforming{
        "udp-nic-conforming", "udp-nic-sendmsg", "udp-sink-fixed-buffers", "udp-loopback-copied",
        "tcp-nic-conforming", "tcp-nic-corked",  "tcp-nic-segments"};
    for (const std::string kernel : {"6.1", "6.12", "6.18"})
        for (const std::string& name : conforming) {
            INFO(kernel << " " << name);
            const ReplayReport report = judged(of(kernel, name));
            CHECK(report.profile == kernel);
            CHECK(report.verdict == Verdict::clean);
            CHECK(report.matched == report.records);
        }
    // What takes a guest.
    const std::vector<std::string> of_guests{"udp-dummy-fixed",        "udp-netem-reordered",
                                             "tcp-netem-lossy",        "tcp-nic-tls",
                                             "tcp-vmxnet3-conforming", "tcp-virtio-conforming"};
    for (const std::string kernel : {"6.1", "6.12"})
        for (const std::string& name : of_guests) {
            INFO(kernel << " " << name);
            CHECK(judged(of(kernel, name)).verdict == Verdict::clean);
        }
    // Notifications are linked since 6.10 only: seen as the function that links them runs.
    const ReplayReport other = replay(of("6.12", "tcp-nic-corked"), {"6.1"});
    REQUIRE(other.divergence);
    CHECK(other.divergence->what.find("this kernel has no chains") != std::string::npos);
}

TEST_CASE("an MTU probe that forgets the ubuf is told from one that is a copy", "[replay]") {
    for (const std::string name : {"/tcp-nic-mtu-probe", "/tcp-nic-calls-mtu-probe"}) {
        CAPTURE(name);
        for (const std::string kernel : {"6.12", "6.18"}) {
            const ReplayReport report = judged(capture(kernel + name));
            CHECK(report.verdict == Verdict::violation);
            REQUIRE_FALSE(report.violations.empty());
            for (const Violation& each : report.violations) CHECK(each.rule->id == "B1");
        }
        CHECK(judged(capture("6.1" + name)).verdict == Verdict::clean);
    }

    // Acknowledged by then, or on a connection that is over, it is no early release.
    Trace late = capture("6.12/tcp-nic-mtu-probe");
    for (zcv_event& event : late.events)
        if (event.kind == ZCV_UBUF_REF && event.addr != 0)
            event.cqe_flags = static_cast<std::uint32_t>(event.addr) + 1;
    CHECK(judged(late).violations.empty());
    Trace reset = capture("6.12/tcp-nic-mtu-probe");
    zcv_event over{};
    over.kind = ZCV_RESET;
    over.time_ns = reset.events.front().time_ns;
    for (const zcv_event& event : reset.events)
        if (event.kind == ZCV_SUBMIT) over.sock = event.sock;
    reset.events.insert(reset.events.begin(), over);
    CHECK(judged(reset).violations.empty());
}

TEST_CASE("every record of every shipped capture is explained", "[replay]") {
    for (const auto& file : captures()) {
        DYNAMIC_SECTION(file.lexically_relative(captured).string()) {
            const ReplayReport report = judged(read_trace(file.string()));
            CHECK(report.matched == report.records);
            CHECK(report.lost == 0);
            CHECK_FALSE(report.divergence);
        }
    }
}

TEST_CASE("a capture cut at any byte of its last blocks is never CLEAN", "[replay]") {
    for (const std::string name : {"udp-nic-conforming", "tcp-nic-first-cqe"}) {
        const auto bytes = bytes_of((captured / (name + ".zct")).string());
        const std::size_t from = bytes.size() > 3000 ? bytes.size() - 3000 : 0;
        std::size_t read = 0;
        for (std::size_t end = from; end < bytes.size(); ++end) {
            INFO(name << " cut at " << end);
            try {
                const Trace trace = parse_trace({bytes.data(), end}, name);
                ++read;
                REQUIRE(judged(trace).verdict != Verdict::clean);
            } catch (const Refusal& refusal) {
                REQUIRE(refusal.status() == Status::usage);
            }
        }
        CHECK(read > 0);
    }
}

TEST_CASE("a lost record makes a clean trace inconclusive", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    trace.totals.lost = 1;
    CHECK(judged(trace).verdict == Verdict::inconclusive);

    trace = capture("udp-nic-conforming");
    trace.sequence_gaps = 1;
    const ReplayReport report = judged(trace);
    CHECK(report.verdict == Verdict::inconclusive);
    CHECK(report.lost == 1);
}

TEST_CASE("a trace without any one submission, completion or notification is not CLEAN",
          "[replay]") {
    for (const zcv_event_kind kind : {ZCV_SUBMIT, ZCV_COMPLETE, ZCV_NOTIF})
        for (std::size_t n = 0; n < 24; ++n) {
            Trace trace = capture("udp-nic-conforming");
            trace.events.erase(trace.events.begin() +
                               static_cast<std::ptrdiff_t>(first_of(trace, kind, n)));
            INFO(name_of(kind) << " " << n);
            CHECK(judged(trace).verdict != Verdict::clean);
        }
}

TEST_CASE("a trace with no zero-copy send has nothing to check", "[replay]") {
    const ReplayReport report = judged(capture("no-zero-copy-send"));
    CHECK(report.verdict == Verdict::inconclusive);
    CHECK(report.reasons.front().find("nothing to check") != std::string::npos);
}

TEST_CASE("a second notification for one send breaks S9", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    const std::size_t notif = first_of(trace, ZCV_NOTIF, 3);
    trace.events.push_back(trace.events[notif]);
    trace.events.back().time_ns = trace.events[trace.events.size() - 2].time_ns + 1000;
    const ReplayReport report = judged(trace);
    CHECK(report.verdict == Verdict::violation);
    CHECK(breaks(report, "S9"));
}

TEST_CASE("a notification before its completion breaks S9", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    const std::size_t complete = first_of(trace, ZCV_COMPLETE, 2);
    const auto notif = std::ranges::find_if(trace.events, [&](const zcv_event& event) {
        return event.kind == ZCV_NOTIF && event.generation == trace.events[complete].generation;
    });
    REQUIRE(notif != trace.events.end());
    std::swap(notif->time_ns, trace.events[complete].time_ns);
    const ReplayReport report = judged(trace);
    CHECK(report.verdict == Verdict::violation);
    CHECK(breaks(report, "S9"));
}

TEST_CASE("a notification posted with references left breaks S1", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    trace.events[first_of(trace, ZCV_NOTIF, 5)].refs = 2;
    const ReplayReport report = judged(trace);
    CHECK(report.verdict == Verdict::violation);
    CHECK(breaks(report, "S1"));
}

TEST_CASE("an skb that still names a notified ubuf breaks S1", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    const zcv_event queued = trace.events[first_of(trace, ZCV_DEV_QUEUE, 1)];
    zcv_event late = queued;
    late.time_ns = trace.events.back().time_ns + 5'000'000;
    trace.events.push_back(late);
    const ReplayReport report = judged(trace);
    CHECK(report.verdict == Verdict::violation);
    CHECK(breaks(report, "S1"));
}

TEST_CASE("a notification that follows a completion without F_MORE breaks S10", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    zcv_event& complete = trace.events[first_of(trace, ZCV_COMPLETE, 0)];
    complete.cqe_flags = 0;
    complete.res = -125;
    std::erase_if(trace.events, [&](const zcv_event& event) {
        return event.generation == complete.generation && event.head != 0;
    });
    CHECK(breaks(judged(trace), "S10"));
}

TEST_CASE("more references than anything can hold are a divergence", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    trace.events[first_of(trace, ZCV_COMPLETE, 4)].refs = 7;
    const ReplayReport report = judged(trace);
    REQUIRE(report.divergence);
    CHECK(report.verdict == Verdict::violation);
    CHECK(report.divergence->what.find("reference") != std::string::npos);
}

TEST_CASE("what may have gone unseen makes a divergence inconclusive, and nothing else",
          "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    trace.totals.blind_spells = 1;
    CHECK(judged(trace).verdict == Verdict::clean);
    trace.events[first_of(trace, ZCV_COMPLETE, 4)].refs = 7;
    const ReplayReport report = judged(trace);
    REQUIRE(report.divergence);
    CHECK(report.verdict == Verdict::inconclusive);
    CHECK(report.blind_spells == 1);

    trace = capture("udp-nic-first-cqe");
    trace.totals.blind_spells = 1;
    CHECK(judged(trace).verdict == Verdict::violation);
}

TEST_CASE("content that changed before the notification breaks R1 and names the send", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    const std::size_t notif = first_of(trace, ZCV_NOTIF, 7);
    trace.events[notif].hash ^= 1;
    const ReplayReport report = judged(trace);
    REQUIRE(report.violations.size() == 1);
    const Violation& violation = report.violations.front();
    CHECK(violation.property == "R1-no-reuse-before-release");
    CHECK(violation.request == trace.events[notif].user_data);
    CHECK(violation.ubuf == trace.events[notif].ubuf);
    CHECK(report.history[violation.send - 1].reused_early);
}

TEST_CASE("what a buffer held at both ends is compared even where the model lost the send",
          "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    const std::size_t notif = first_of(trace, ZCV_NOTIF, 7);
    trace.events[first_of(trace, ZCV_COMPLETE, 7)].refs = 7;
    CHECK(judged(trace).violations.empty());
    trace.events[notif].hash ^= 1;
    const ReplayReport report = judged(trace);
    REQUIRE(report.divergence);
    REQUIRE(report.violations.size() == 1);
    CHECK(report.violations.front().property == "R1-no-reuse-before-release");
    CHECK(report.violations.front().request == trace.events[notif].user_data);
}

TEST_CASE("what counts is the content when the memory left the address, not what is there later",
          "[replay]") {
    const bool changed_before = GENERATE(false, true);
    const bool whole = GENERATE(false, true);
    Trace trace = capture("udp-nic-conforming");
    const std::size_t notif = first_of(trace, ZCV_NOTIF, 7);
    const std::size_t cqe = first_of(trace, ZCV_COMPLETE, 7);
    zcv_event content = trace.events[notif];
    content.kind = ZCV_CONTENT;
    content.req = 0;
    content.cpu = 99;  // the first record of its CPU
    content.seq = 0;
    content.zc_flags = whole ? 1 : 0;
    content.time_ns = trace.events[cqe].time_ns + 1;
    if (changed_before) content.hash ^= 2;
    trace.events[notif].hash ^= 1;
    trace.events.insert(trace.events.begin() + static_cast<std::ptrdiff_t>(cqe) + 1, content);
    const ReplayReport report = judged(trace);
    CHECK_FALSE(report.divergence);
    CHECK(report.violations.empty() == (whole && !changed_before));
    CHECK((report.verdict == Verdict::clean) == (whole && !changed_before));
}

TEST_CASE("a count may be read between an skb's end and the drop of its reference", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    const std::uint32_t generation = trace.events[first_of(trace, ZCV_COMPLETE, 7)].generation;
    const auto of_send = [&](zcv_event_kind kind) {
        return std::ranges::find_if(trace.events, [&](const zcv_event& event) {
            return event.kind == kind && event.generation == generation;
        });
    };
    zcv_event complete = *of_send(ZCV_COMPLETE);
    complete.refs = 1;  // the skb's; its issuer has put its own
    trace.events.erase(of_send(ZCV_COMPLETE));
    const auto consume = of_send(ZCV_SKB_CONSUME), free = of_send(ZCV_HEAD_FREE);
    REQUIRE(consume < free);
    const bool before_the_drop = GENERATE(true, false);
    complete.time_ns = (before_the_drop ? consume : free)->time_ns + 1;
    complete.cpu = 99;  // the first record of its CPU
    complete.seq = 0;
    trace.events.insert((before_the_drop ? consume : free) + 1, complete);
    const ReplayReport report = judged(trace);
    CHECK(report.violations.empty());
    CHECK(report.divergence.has_value() == !before_the_drop);
}

TEST_CASE("a buffer sent twice at once without a write is no misuse", "[replay]") {
    Trace trace = capture("udp-nic-conforming");
    for (zcv_event& event : trace.events)
        if (event.kind == ZCV_SUBMIT || event.kind == ZCV_NOTIF) {
            event.addr = 0x1000;
            event.hash = 42;
        }
    CHECK(judged(trace).verdict == Verdict::clean);
}

TEST_CASE("without hashes a resubmission before the notification is inconclusive", "[replay]") {
    Trace trace = capture("udp-nic-first-cqe");
    for (zcv_event& event : trace.events) event.hash = 0;
    const ReplayReport report = judged(trace);
    CHECK(report.verdict == Verdict::inconclusive);
    CHECK(report.violations.empty());
}

TEST_CASE("the misuse is found in exactly the sends whose content changed", "[replay]") {
    for (const std::string name : {"udp-nic-first-cqe", "tcp-nic-first-cqe",
                                   "6.1/tcp-nic-first-cqe", "6.12/tcp-nic-first-cqe"}) {
        const Trace trace = capture(name);
        std::vector<std::uint64_t> changed;
        for (const zcv_event& notif : trace.events) {
            if (notif.kind != ZCV_NOTIF) continue;
            const auto submit = std::ranges::find_if(trace.events, [&](const zcv_event& event) {
                return event.kind == ZCV_SUBMIT && event.generation == notif.generation;
            });
            REQUIRE(submit != trace.events.end());
            if (submit->hash != notif.hash) changed.push_back(notif.user_data);
        }
        std::vector<std::uint64_t> named;
        for (const Violation& violation : judged(trace).violations)
            named.push_back(violation.request);
        std::ranges::sort(changed);
        std::ranges::sort(named);
        REQUIRE_FALSE(changed.empty());
        CHECK(named == changed);
    }
}

TEST_CASE("stacked notifications do not fit a kernel that cannot stack", "[replay]") {
    const ReplayReport report = replay(capture("tcp-nic-stacked"), {.profile = "6.1"});
    CHECK(report.verdict == Verdict::violation);
    REQUIRE(report.divergence);
    CHECK(report.divergence->what.find("io_link_skb") != std::string::npos);
    CHECK_FALSE(report.divergence->previous.empty());
    CHECK_FALSE(report.divergence->around.empty());
    CHECK_FALSE(report.divergence->instead.empty());
}

TEST_CASE("replay says in one line what it cannot read", "[replay][cli]") {
    const TempDir dir;
    const auto refused = [](const std::string& arguments, const std::string& part) {
        const Ran ran = run_shell(shell_quoted(ZCV_PROGRAM) + " replay " + arguments);
        INFO(arguments << "\n" << ran.err);
        CHECK(ran.status == 2);
        CHECK(ran.out.empty());
        CHECK(lines_in(ran.err) == 1);
        CHECK(ran.err.find(part) != std::string::npos);
    };
    std::ofstream(dir / "text.zct") << "this is not a trace, however long the text may be\n";
    refused(dir / "missing.zct", "no such file");
    refused(dir / "text.zct", "not a");
    refused("/", "directory");
    const std::string good = (captured / "udp-nic-conforming.zct").string();
    refused("--profile 9.9 " + shell_quoted(good), "there are rfc-v1 6.0-rc");
    refused("", "FILE");
}

TEST_CASE("the exit status of replay is the verdict, the worst of several files", "[replay][cli]") {
    const auto status_of_files = [](const std::string& names) {
        return run_shell("cd " + shell_quoted(captured.string()) + " && " +
                         shell_quoted(ZCV_PROGRAM) + " replay " + names)
            .status;
    };
    CHECK(status_of_files("udp-nic-conforming.zct") == 0);
    CHECK(status_of_files("udp-nic-first-cqe.zct") == 1);
    CHECK(status_of_files("no-zero-copy-send.zct") == 3);
    CHECK(status_of_files("udp-nic-conforming.zct no-zero-copy-send.zct") == 3);
    CHECK(status_of_files("no-zero-copy-send.zct udp-nic-first-cqe.zct udp-nic-conforming.zct") ==
          1);
}
