#include "traces/perfetto.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <protozero/pbf_builder.hpp>
#include <string>
#include <utility>
#include <vector>

#include "traces/perfetto_format.hpp"
#include "traces/replay.hpp"

namespace zcv {
namespace {

using perfetto::Annotation;
using perfetto::Event;
using perfetto::EventType;

template <class Message>
using Builder = protozero::pbf_builder<Message>;

// Writes packets, and hands them on in pieces.
class Packets {
  public:
    explicit Packets(const Sink& sink) : sink_(sink) {}

    // Fills a track's descriptor and returns the uuid it goes by.
    template <class Fill>
    std::uint64_t add_track(const std::string& name, Fill&& fill) {
        const std::uint64_t uuid = ++tracks_;
        packet([&](Builder<perfetto::Packet>& packet) {
            Builder<perfetto::Descriptor> track(packet, perfetto::Packet::track_descriptor);
            track.add_uint64(perfetto::Descriptor::uuid, uuid);
            track.add_string(perfetto::Descriptor::name, name);
            fill(track);
        });
        return uuid;
    }

    template <class Fill>
    void add_event(std::uint64_t at_ns, std::uint64_t track, EventType type, Fill&& fill) {
        packet([&](Builder<perfetto::Packet>& packet) {
            packet.add_uint64(perfetto::Packet::timestamp, at_ns);
            Builder<Event> event(packet, perfetto::Packet::track_event);
            event.add_enum(Event::type, static_cast<std::int32_t>(type));
            event.add_uint64(Event::track_uuid, track);
            fill(event);
        });
    }

    void finish() {
        sink_(out_);
        out_.clear();
    }

  private:
    template <class Fill>
    void packet(Fill&& fill) {
        {
            Builder<perfetto::File> file(out_);
            Builder<perfetto::Packet> packet(file, perfetto::File::packet);
            packet.add_uint32(perfetto::Packet::sequence_id, 1);
            fill(packet);
        }
        constexpr std::size_t piece_bytes = 256U << 10U;
        if (out_.size() >= piece_bytes) finish();
    }

    const Sink& sink_;
    std::string out_;
    std::uint64_t tracks_ = 0;
};

void annotate(Builder<Event>& event, const char* name, const std::string& text) {
    Builder<Annotation> note(event, Event::annotation);
    note.add_string(Annotation::name, name);
    note.add_string(Annotation::string_value, text);
}

void annotate(Builder<Event>& event, const char* name, bool holds) {
    Builder<Annotation> note(event, Event::annotation);
    note.add_string(Annotation::name, name);
    note.add_bool(Annotation::bool_value, holds);
}

void annotate(Builder<Event>& event, const char* name, Annotation kind, std::uint64_t value) {
    Builder<Annotation> note(event, Event::annotation);
    note.add_string(Annotation::name, name);
    note.add_uint64(kind, value);
}

constexpr auto nothing_more = [](auto&) {};

// Which of the tracks of one buffer or socket: the first on which the stretch overlaps no other.
struct Lanes {
    std::vector<std::uint64_t> uuids;
    std::vector<std::uint64_t> busy_until;
};

class Conversion {
  public:
    Conversion(const Trace& trace, const Sink& sink)
        : trace_(trace), report_(replay(trace, {})), packets_(sink) {
        for (const SendHistory& send : report_.history)
            trace_end_ = std::max(trace_end_, end_of(send));
        for (const zcv_event& event : trace.events)
            trace_end_ = std::max<std::uint64_t>(trace_end_, event.time_ns);
    }

    void write() {
        // Lanes are dealt out in the order of time, which a trace need not keep.
        std::vector<const SendHistory*> sends;
        for (const SendHistory& send : report_.history) sends.push_back(&send);
        std::stable_sort(sends.begin(), sends.end(), [](const auto* one, const auto* other) {
            return one->submitted_ns < other->submitted_ns;
        });
        for (const SendHistory* send : sends) {
            add_call(*send);
            add_life(*send);
            add_notification(*send);
        }
        add_findings(report_.violations, "finding");
        add_findings(report_.notes, "note");
        add_lent();
        packets_.finish();
    }

  private:
    enum class On { socket, buffer, notifications };
    using Place = std::pair<On, std::uint64_t>;  // and its address

    std::uint64_t process(std::uint32_t tgid) {
        const auto [found, added] = processes_.try_emplace(tgid, 0);
        if (added) {
            const std::string& program =
                trace_.info.command.empty() ? std::string() : trace_.info.command.front();
            const std::string name = program.empty() ? fmt::format("process {}", tgid) : program;
            found->second = packets_.add_track(name, [&](Builder<perfetto::Descriptor>& track) {
                Builder<perfetto::Process> process(track, perfetto::Descriptor::process);
                process.add_int32(perfetto::Process::pid, static_cast<std::int32_t>(tgid));
                process.add_string(perfetto::Process::name, name);
            });
        }
        return found->second;
    }

    static std::string name_of(Place place, std::size_t lane) {
        const char* const form = place.first == On::socket   ? "socket {:#x}"
                                 : place.first == On::buffer ? "buffer {:#x}"
                                                             : "notifications of socket {:#x}";
        std::string name = fmt::format(fmt::runtime(form), place.second);
        if (lane > 0) name += fmt::format(" ({})", lane + 1);
        return name;
    }

    std::uint64_t track(std::uint32_t tgid, Place place, std::uint64_t from, std::uint64_t to) {
        Lanes& lanes = lanes_[{tgid, place}];
        std::size_t lane = 0;
        while (lane < lanes.uuids.size() && lanes.busy_until[lane] > from) ++lane;
        if (lane == lanes.uuids.size()) {
            const std::uint64_t parent = process(tgid);
            lanes.busy_until.push_back(0);
            lanes.uuids.push_back(
                packets_.add_track(name_of(place, lane), [&](Builder<perfetto::Descriptor>& below) {
                    below.add_uint64(perfetto::Descriptor::parent_uuid, parent);
                }));
        }
        lanes.busy_until[lane] = to;
        return lanes.uuids[lane];
    }

    std::uint64_t end_of_life(const SendHistory& send) const {
        return std::max(send.submitted_ns, send.notified_ns.value_or(trace_end_));
    }

    static std::string name_of(const SendHistory& send) {
        return fmt::format("{} #{}", send.is_call ? "call" : "send", send.number);
    }

    void begin(std::uint64_t at, std::uint64_t track, const std::string& name,
               const char* category) {
        packets_.add_event(at, track, EventType::slice_begin, [&](Builder<Event>& event) {
            event.add_string(Event::category, category);
            event.add_string(Event::name, name);
        });
    }
    void end(std::uint64_t at, std::uint64_t track) {
        packets_.add_event(at, track, EventType::slice_end, nothing_more);
    }

    void add_call(const SendHistory& send) {
        const std::uint64_t until =
            std::max(send.submitted_ns, send.completed_ns.value_or(end_of_life(send)));
        const std::uint64_t on =
            track(send.tgid, {On::socket, send.sock}, send.submitted_ns, until);
        packets_.add_event(send.submitted_ns, on, EventType::slice_begin, [&](auto& event) {
            event.add_string(Event::category, "send");
            event.add_string(Event::name, name_of(send));
            if (send.notified_ns) event.add_fixed64(Event::flow, send.number);
            annotate(event, send.is_call ? "id" : "user_data", Annotation::uint_value,
                     send.user_data);
            annotate(event, "buffer", Annotation::pointer_value, send.addr);
            annotate(event, "bytes", Annotation::uint_value, send.len);
            if (send.completed_ns) annotate(event, "result", fmt::format("{}", send.res));
        });
        end(until, on);
    }

    void add_life(const SendHistory& send) {
        const std::uint64_t until = end_of_life(send);
        const std::uint64_t on =
            track(send.tgid, {On::buffer, send.addr}, send.submitted_ns, until);
        buffer_track_[send.number] = on;
        packets_.add_event(send.submitted_ns, on, EventType::slice_begin, [&](auto& event) {
            event.add_string(Event::category, send.reused_early ? "misuse" : "buffer");
            event.add_string(Event::name,
                             name_of(send) + (send.reused_early ? " REUSED EARLY" : ""));
            annotate(event, "bytes", Annotation::uint_value, send.len);
            annotate(event, "reported as copied", send.copied);
            if (!send.notified_ns) annotate(event, "notified", false);
        });
        for (const SendPhaseSpan& phase : phases_of(send, until)) {
            begin(phase.from_ns, on, zcv::name_of(phase.phase), "phase");
            end(phase.to_ns, on);
        }
        end(until, on);
    }

    void add_notification(const SendHistory& send) {
        if (!send.notified_ns) return;
        const std::uint64_t at = std::max(send.submitted_ns, *send.notified_ns);
        // Instants take no time, so all of a socket fit on one track.
        const std::uint64_t on = track(send.tgid, {On::notifications, send.sock},
                                       std::numeric_limits<std::uint64_t>::max(), 0);
        packets_.add_event(at, on, EventType::instant, [&](auto& event) {
            event.add_string(Event::category, "notification");
            event.add_string(Event::name, "notified: " + name_of(send));
            event.add_fixed64(Event::terminating_flow, send.number);
        });
    }

    void add_findings(const std::vector<Violation>& findings, const char* category) {
        for (const Violation& finding : findings) {
            const auto found = buffer_track_.find(finding.send);
            if (found == buffer_track_.end()) continue;
            packets_.add_event(
                finding.time_ns, found->second, EventType::instant, [&](auto& event) {
                    event.add_string(Event::category, category);
                    event.add_string(Event::name, finding.rule != nullptr ? full_name(*finding.rule)
                                                                          : finding.property);
                    annotate(event, "evidence", finding.evidence);
                    annotate(event, "explanation", finding.explanation);
                });
        }
    }

    void add_lent() {
        std::map<std::uint32_t, std::map<std::uint64_t, std::int64_t>> changes;
        for (const SendHistory& send : report_.history) {
            auto& of_process = changes[send.tgid];
            of_process[send.submitted_ns] += send.len;
            if (send.notified_ns) of_process[end_of_life(send)] -= send.len;
        }
        for (const auto& [tgid, of_process] : changes) {
            const std::uint64_t parent = process(tgid);
            const std::uint64_t on =
                packets_.add_track("bytes lent", [&](Builder<perfetto::Descriptor>& track) {
                    track.add_uint64(perfetto::Descriptor::parent_uuid, parent);
                    Builder<perfetto::Counter> counter(track, perfetto::Descriptor::counter);
                    counter.add_enum(perfetto::Counter::unit, perfetto::unit_bytes);
                });
            std::int64_t lent = 0;
            for (const auto& [at, change] : of_process) {
                lent += change;
                packets_.add_event(at, on, EventType::counter, [&](Builder<Event>& event) {
                    event.add_int64(Event::counter_value, lent);
                });
            }
        }
    }

    const Trace& trace_;
    const ReplayReport report_;
    Packets packets_;
    std::uint64_t trace_end_ = 0;
    std::map<std::uint32_t, std::uint64_t> processes_;
    std::map<std::pair<std::uint32_t, Place>, Lanes> lanes_;
    std::map<std::uint32_t, std::uint64_t> buffer_track_;  // by the number of the send
};

}  // namespace

void write_perfetto(const Trace& trace, const Sink& sink) {
    Conversion(trace, sink).write();
}

}  // namespace zcv
