// What `zcv convert --to perfetto` writes is read back with the field numbers of Perfetto's schema
// and with protozero's reader, which refuses what is not protobuf; Perfetto's own reader is not in
// Debian.
#include "traces/perfetto.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <protozero/pbf_message.hpp>

#include "tests/captured.hpp"
#include "tests/program.hpp"
#include "traces/perfetto_format.hpp"
#include "traces/replay.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

template <class Message>
using Reader = protozero::pbf_message<Message>;

struct Track {
    std::string name;
    std::uint64_t parent = 0;
    std::int32_t pid = 0;
    bool counter = false;
};

struct Event {
    std::uint64_t at = 0;
    std::uint64_t track = 0;
    perfetto::EventType type{};
    std::string name;
    std::string category;
    std::int64_t value = 0;
    std::vector<std::uint64_t> flows;
    std::vector<std::uint64_t> ended_flows;
};

struct Converted {
    std::map<std::uint64_t, Track> tracks;
    std::vector<Event> events;  // as written
};

Track track_in(Reader<perfetto::Descriptor> in, std::uint64_t& uuid) {
    Track track;
    while (in.next()) switch (in.tag()) {
            case perfetto::Descriptor::uuid:
                uuid = in.get_uint64();
                break;
            case perfetto::Descriptor::name:
                track.name = in.get_string();
                break;
            case perfetto::Descriptor::parent_uuid:
                track.parent = in.get_uint64();
                break;
            case perfetto::Descriptor::counter:
                track.counter = true;
                in.skip();
                break;
            case perfetto::Descriptor::process: {
                Reader<perfetto::Process> process(in.get_message());
                while (process.next(perfetto::Process::pid)) track.pid = process.get_int32();
                break;
            }
            default:
                FAIL("a descriptor has no such field");
        }
    return track;
}

Event event_in(Reader<perfetto::Event> in) {
    Event event;
    while (in.next()) switch (in.tag()) {
            case perfetto::Event::type:
                event.type = static_cast<perfetto::EventType>(in.get_enum());
                break;
            case perfetto::Event::track_uuid:
                event.track = in.get_uint64();
                break;
            case perfetto::Event::name:
                event.name = in.get_string();
                break;
            case perfetto::Event::category:
                event.category = in.get_string();
                break;
            case perfetto::Event::counter_value:
                event.value = in.get_int64();
                break;
            case perfetto::Event::flow:
                event.flows.push_back(in.get_fixed64());
                break;
            case perfetto::Event::terminating_flow:
                event.ended_flows.push_back(in.get_fixed64());
                break;
            case perfetto::Event::annotation:
                in.skip();
                break;
            default:
                FAIL("an event has no such field");
        }
    return event;
}

Converted read_back(const std::string& bytes) {
    Converted all;
    Reader<perfetto::File> file(bytes);
    while (file.next(perfetto::File::packet)) {
        Reader<perfetto::Packet> packet(file.get_message());
        std::uint64_t at = 0;
        std::uint32_t sequence = 0;
        while (packet.next()) switch (packet.tag()) {
                case perfetto::Packet::timestamp:
                    at = packet.get_uint64();
                    break;
                case perfetto::Packet::sequence_id:
                    sequence = packet.get_uint32();
                    break;
                case perfetto::Packet::track_event:
                    all.events.push_back(event_in(packet.get_message()));
                    all.events.back().at = at;
                    break;
                case perfetto::Packet::track_descriptor: {
                    std::uint64_t uuid = 0;
                    const Track track = track_in(packet.get_message(), uuid);
                    CHECK(all.tracks.emplace(uuid, track).second);
                    break;
                }
                default:
                    FAIL("a packet has no such field");
            }
        CHECK(sequence != 0);  // without one an importer drops the packet
    }
    return all;
}

Converted converted(const Trace& trace) {
    std::string bytes;
    write_perfetto(trace, [&](std::string_view piece) { bytes += piece; });
    return read_back(bytes);
}

std::size_t count(const Converted& all, const std::string& track_begins, perfetto::EventType type,
                  const std::string& category) {
    return static_cast<std::size_t>(
        std::count_if(all.events.begin(), all.events.end(), [&](const Event& event) {
            return event.type == type && event.category == category &&
                   all.tracks.at(event.track).name.starts_with(track_begins);
        }));
}

// As an importer does it: events of a track in the order of time, those of one moment as written.
void check_nesting(const Converted& all) {
    std::map<std::uint64_t, std::vector<Event>> by_track;
    for (const Event& event : all.events) by_track[event.track].push_back(event);
    for (auto& [uuid, events] : by_track) {
        const Track& track = all.tracks.at(uuid);
        INFO(track.name);
        CHECK(all.tracks.at(track.parent).pid != 0);
        std::stable_sort(events.begin(), events.end(),
                         [](const Event& a, const Event& b) { return a.at < b.at; });
        std::size_t open = 0;
        for (const Event& event : events) {
            CHECK(track.counter == (event.type == perfetto::EventType::counter));
            if (event.type == perfetto::EventType::slice_begin) {
                // Inside a send only its phases, inside a phase nothing.
                CHECK(open == (event.category == "phase" ? 1 : 0));
                ++open;
            } else if (event.type == perfetto::EventType::slice_end) {
                REQUIRE(open > 0);
                --open;
            }
        }
        CHECK(open == 0);
    }
}

}  // namespace

TEST_CASE("a conversion to Perfetto has every send on its buffer and its socket", "[perfetto]") {
    const std::string name = GENERATE("tcp-nic-first-cqe", "udp-nic-conforming", "tcp-nic-stacked",
                                      "udp-sink-fixed-buffers", "tcp-nic-peer-reset");
    INFO(name);
    const Trace trace = capture(name);
    const ReplayReport report = replay(trace, {});
    const Converted all = converted(trace);
    using perfetto::EventType;
    CHECK(count(all, "socket ", EventType::slice_begin, "send") == report.history.size());
    CHECK(count(all, "buffer ", EventType::slice_begin, "buffer") +
              count(all, "buffer ", EventType::slice_begin, "misuse") ==
          report.history.size());
    const auto misused = std::count_if(report.history.begin(), report.history.end(),
                                       [](const auto& send) { return send.reused_early; });
    CHECK(count(all, "buffer ", EventType::slice_begin, "misuse") ==
          static_cast<std::size_t>(misused));
    CHECK(count(all, "buffer ", EventType::instant, "finding") == report.violations.size());
    check_nesting(all);
}

TEST_CASE("a flow leads from each submission to its notification", "[perfetto]") {
    const Trace trace = capture("tcp-nic-first-cqe");
    std::map<std::uint64_t, std::uint64_t> begun, ended;
    for (const Event& event : converted(trace).events) {
        for (const std::uint64_t flow : event.flows) CHECK(begun.emplace(flow, event.at).second);
        for (const std::uint64_t flow : event.ended_flows)
            CHECK(ended.emplace(flow, event.at).second);
    }
    std::size_t notified = 0;
    for (const SendHistory& send : replay(trace, {}).history) {
        if (!send.notified_ns) continue;
        ++notified;
        CHECK(begun.at(send.number) == send.submitted_ns);
        CHECK(ended.at(send.number) == *send.notified_ns);
    }
    CHECK(notified > 0);
    CHECK(begun.size() == notified);
    CHECK(ended.size() == notified);
}

TEST_CASE("what the kernel holds goes up with each send and back to nothing", "[perfetto]") {
    const Trace trace = TraceBuilder().datagram(1, 4096).datagram(2, 1000).trace();
    std::vector<std::int64_t> values;
    for (const Event& event : converted(trace).events)
        if (event.type == perfetto::EventType::counter) values.push_back(event.value);
    CHECK(values == std::vector<std::int64_t>{4096, 0, 1000, 0});
}

TEST_CASE("sends that overlap on one buffer are on tracks of their own", "[perfetto]") {
    // Two sends of one buffer, the second before the first is notified.
    Trace trace = TraceBuilder().datagram(1).datagram(1).trace();
    const auto notified = std::find_if(trace.events.begin(), trace.events.end(),
                                       [](const auto& event) { return event.kind == ZCV_NOTIF; });
    REQUIRE(notified != trace.events.end());
    zcv_event late = *notified;
    trace.events.erase(notified);
    late.time_ns = trace.events.back().time_ns + 500;
    trace.events.push_back(late);
    std::uint32_t seq = 0;
    for (zcv_event& event : trace.events) event.seq = seq++;
    const Converted all = converted(trace);
    check_nesting(all);
    std::size_t lanes = 0;
    for (const auto& [uuid, track] : all.tracks) lanes += track.name.starts_with("buffer ");
    CHECK(lanes == 2);
}

TEST_CASE("the verb writes what the conversion gives", "[perfetto]") {
    const TempDir dir;
    TraceBuilder().datagram(1).write(dir / "a.zct");
    const Ran ran = run_shell(ZCV_PROGRAM " convert " + (dir / "a.zct") + " --to perfetto -o " +
                              (dir / "a.pftrace"));
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    CHECK(read_back(text_of_file(dir / "a.pftrace")).events.size() ==
          converted(read_trace(dir / "a.zct")).events.size());
}
