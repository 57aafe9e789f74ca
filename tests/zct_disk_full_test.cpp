// A disk that is really full: a small tmpfs in a mount namespace of this process alone.
#include <sched.h>
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "model/outcome.hpp"
#include "tests/skip.hpp"
#include "tests/trace_builder.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

[[noreturn]] void skip_without(const std::string& what) {
    skip(what + ": " + std::strerror(errno) + "; run as root to test a full disk");
}

// From here on this process mounts for itself alone.
void separate_mounts() {
    if (::unshare(CLONE_NEWNS) != 0) skip_without("no mount namespace of our own");
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        skip_without("no private mounts");
}

std::optional<Refusal> refusal_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const Refusal& refusal) {
        return refusal;
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("a full disk stops the capture and keeps its whole blocks", "[zct][root]") {
    separate_mounts();  // before there is a directory that skipping would leave behind
    const TempDir dir;
    REQUIRE(::mount("zcv-test", (dir / "").c_str(), "tmpfs", 0, "size=256k,mode=0700") == 0);
    TraceBuilder builder;
    for (std::uint64_t send = 0; send < 4000; ++send) builder.datagram(send * 0x9e3779b97f4a7c15);
    const auto& events = builder.trace().events;

    std::optional<Refusal> full;
    {
        TraceWriter writer(dir / "a.zct", {});
        full = refusal_of([&] {
            for (int round = 0; round < 100; ++round) writer.append(events);
        });
        REQUIRE(full);
        const auto again = refusal_of([&] { writer.append(std::span(events).first(1)); });
        REQUIRE(again);
        CHECK(std::string(again->what()) == full->what());
        CHECK(refusal_of([&] { writer.flush(); }));
        CHECK(refusal_of([&] { writer.close({}); }));
    }
    CHECK(full->status() == Status::unable);
    CHECK(
        full->what() ==
        dir / "a.zct.part" +
            ": cannot be written: no space left on device: free some space or choose another disk");
    CHECK_FALSE(std::filesystem::exists(dir / "a.zct"));

    const Trace trace = read_trace(dir / "a.zct.part");
    CHECK(trace.cut_off);
    CHECK(trace.cut_reason.find("ends before its totals") == 0);
    REQUIRE(trace.events.size() >= 4096);
    CHECK(trace.events.size() % 4096 == 0);
    for (std::size_t at = 0; at < trace.events.size(); ++at) {
        REQUIRE(same(trace.events[at], events[at % events.size()]));
    }
    REQUIRE(::umount2((dir / "").c_str(), MNT_DETACH) == 0);
}
