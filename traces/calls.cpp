#include "traces/calls.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "traces/lookahead.hpp"
#include "traces/stacks.hpp"
#include "traces/touches.hpp"
#include "traces/uapi.hpp"

namespace zcv {
namespace {

constexpr std::uint32_t code_copied = 1;  // SO_EE_CODE_ZEROCOPY_COPIED

std::uint32_t id_of(const zcv_event& event) {
    return static_cast<std::uint32_t>(event.user_data);
}

}  // namespace

std::optional<std::string> Calls::take_in(const zcv_event& event) {
    switch (event.kind) {
        case ZCV_CALL:
            begins(event);
            return std::nullopt;
        case ZCV_CALL_DONE:
            return ends(event);
        case ZCV_ERRQUEUE:
            return reported(event);
        case ZCV_ERRQUEUE_READ:
            return read(event);
        case ZCV_CALL_TOLD:
            told(event);
            return std::nullopt;
        default:
            return std::nullopt;
    }
}

Calls::Call* Calls::find(std::uint64_t sock, std::uint32_t id) {
    const auto found = calls_.find({sock, id});
    return found == calls_.end() ? nullptr : &found->second;
}

void Calls::begins(const zcv_event& event) {
    generations_.insert(event.generation);
    if (event.zc_flags == 0) {
        ++ignored_;
        return;
    }
    SendHistory& seen = histories_.add(event.generation, event.time_ns);
    seen.user_data = id_of(event);
    seen.is_call = true;
    seen.addr = event.addr;
    seen.len = event.len;
    seen.layout = event.owner;
    seen.tgid = event.tgid;
    seen.sock = event.sock;
    seen.stack = static_cast<std::uint32_t>(event.res);
    seen.hash = event.hash;
    seen.asked_usage = true;
    seen.stream = event.protocol == uapi::ipproto_tcp;
    const Memory memory{event.tgid, event.addr, event.len, event.owner};
    auto& users = users_[memory];
    for (const Name& name : users) {
        Call& before = calls_.at(name);
        if (before.hash == 0 || event.hash == 0 || before.hash == event.hash) continue;
        if (before.rewritten_ns != 0) continue;
        before.rewritten_ns = event.time_ns;
        before.rewritten_by = seen.number;
    }
    const Name name{event.sock, id_of(event)};
    // Of a failed call, whose id was given to this one, or of a socket that was here before.
    if (Call* const old = find(name.first, name.second)) give_back(*old);
    calls_[name] = {event.generation, seen.number, event.hash};
    users_[memory].push_back(name);
    ++report_.sends;
}

// It is nobody's any more who reads its memory.
void Calls::give_back(Call& call) {
    const SendHistory& seen = history(call);
    auto& users = users_[{seen.tgid, seen.addr, seen.len, seen.layout}];
    std::erase(users, Name{seen.sock, static_cast<std::uint32_t>(seen.user_data)});
}

std::optional<std::string> Calls::ends(const zcv_event& event) {
    Call* const call = find(event.sock, id_of(event));
    if (call == nullptr || call->generation != event.generation) return std::nullopt;
    history(*call).res = event.res;
    history(*call).completed_ns = event.time_ns;
    history(*call).more = event.res > 0;
    ++report_.completed;
    call->done = true;
    if (event.hash != 0) call->hash = event.hash;
    if (event.res > 0 && static_cast<std::uint32_t>(event.res) < history(*call).len &&
        event.hash == 0)
        call->hash = 0;  // of which part of it nobody knows
    // Nothing was sent, and the id goes to the next call.
    if (event.res < 0 || event.len == 0) {
        give_back(*call);
        if (event.res >= 0 && event.len == 0)
            return fmt::format("a call that sent {} bytes took no id", event.res);
        --report_.sends;
        calls_.erase({event.sock, id_of(event)});
    }
    return std::nullopt;
}

std::optional<std::string> Calls::reported(const zcv_event& event) {
    const std::uint32_t first = id_of(event);
    const auto count = event.len;
    std::uint32_t& before = ranges_[event.skb];
    if (before > count) before = 0;  // another range at the same address
    for (std::uint32_t i = before; i < count; ++i) {
        Call* const call = find(event.sock, first + i);
        if (call == nullptr) continue;  // made before the capture began
        // The CPU that queued it may say so after the one that read it.
        const std::uint64_t read = history(*call).notified_ns.value_or(0);
        const bool late = call->told && event.time_ns < read + skew_ns;
        if (call->reported && !late) {
            histories_.keep(call->history);
            report_.violations.push_back(
                {.property = "S14-ids-dense",
                 .send = history(*call).number,
                 .request = first + i,
                 .time_ns = event.time_ns,
                 .evidence = fmt::format("the error queue gave id {} back twice", first + i),
                 .explanation = "The application frees the buffer of another call.",
                 .stack = {},
                 .seen_by = {Evidence::error_queue}});
        }
        call->reported = true;
        SendHistory& seen = history(*call);
        seen.copied = (event.cqe_flags & code_copied) != 0;
        report_.copied += seen.copied;
        if (late) continue;
        seen.released_ns = event.time_ns;
        ++report_.released;
    }
    before = count;
    return std::nullopt;
}

std::optional<std::string> Calls::read(const zcv_event& event) {
    ranges_.erase(event.skb);
    if (event.res != 0) {
        ++discarded_;
        return std::nullopt;
    }
    for (std::uint32_t i = 0; i < event.len; ++i) {
        Call* const call = find(event.sock, id_of(event) + i);
        if (call == nullptr || call->told) continue;
        call->told = true;
        SendHistory& seen = history(*call);
        if (!call->reported) {
            seen.copied = (event.cqe_flags & code_copied) != 0;
            report_.copied += seen.copied;
        }
        if (!seen.released_ns) {
            seen.released_ns = event.time_ns;
            ++report_.released;
        }
        seen.notified_ns = event.time_ns;
        ++report_.notified;
        if (call->write || call->rewritten_ns != 0) report_reuse(*call, event);
        give_back(*call);
    }
    return std::nullopt;
}

void Calls::told(const zcv_event& event) {
    Call* const call = find(event.sock, id_of(event));
    if (call == nullptr || call->generation != event.generation) return;
    if (call->hash != 0 && event.hash == 0) ++unhashed_;
    const bool changed = call->hash != 0 && event.hash != 0 && call->hash != event.hash;
    if (changed && !history(*call).reused_early) report_reuse(*call, event);
}

void Calls::see_write(const std::shared_ptr<const zcv_event>& write) {
    const zcv_event& event = *write;
    for (auto& [memory, names] : users_) {
        const auto& [tgid, addr, len, layout] = memory;
        if (tgid != event.tgid || !gathered_.touched(event, addr, len, layout)) continue;
        for (const Name& name : names)
            if (Call& call = calls_.at(name);
                !call.write && is_after(event, history(call).submitted_ns))
                call.write = write;
    }
}

void Calls::report_reuse(Call& call, const zcv_event& event) {
    SendHistory& seen = history(call);
    std::vector<std::string> evidence;
    std::vector<std::string> stack;
    std::vector<Evidence> seen_by;
    std::uint32_t thread = 0;
    const char* what = "written";
    const std::uint64_t until = seen.notified_ns.value_or(event.time_ns);
    seen.reused_ns = until;
    if (event.kind == ZCV_CALL_TOLD) {
        seen_by.push_back(Evidence::content_hash);
        evidence.push_back(
            fmt::format("content hash {:#018x} when it was sent, {:#018x} when its range was read",
                        call.hash, event.hash));
    }
    if (call.rewritten_ns != 0) {
        seen_by.push_back(Evidence::resubmission);
        evidence.push_back(
            fmt::format("sent again with other content as send #{}", call.rewritten_by));
        seen.reused_ns = call.rewritten_ns;
    }
    if (call.write) {
        const zcv_event& write = *call.write;
        seen_by.push_back(evidence_of(write));
        thread = write.pid;
        evidence.push_back(in_words(write));
        what = done_to_buffer(write);
        stack = lines_of(trace_, static_cast<std::uint32_t>(write.res));
        seen.reused_ns = std::min<std::uint64_t>(*seen.reused_ns, write.time_ns);
    }
    seen.reused_early = true;
    const bool bounded = *seen.reused_ns != until;
    histories_.keep(seen.number);
    report_.violations.push_back(
        {.property = "R1-no-reuse-before-release",
         .send = seen.number,
         .request = seen.user_data,
         .time_ns = *seen.reused_ns,
         .evidence = fmt::format("{}", fmt::join(evidence, "; ")),
         .explanation =
             fmt::format("Buffer {:#x} ({} bytes) was {} {}{} before the application read from the "
                         "error queue that it may: {}.",
                         seen.addr, seen.len, what, bounded ? "" : "up to ",
                         in_ms(until - (bounded ? *seen.reused_ns : seen.submitted_ns)),
                         harm_of(seen, seen_by)),
         .stack = std::move(stack),
         .seen_by = std::move(seen_by),
         .again_as = call.rewritten_by,
         .thread = thread,
         .stack_number = call.write ? static_cast<std::uint32_t>(call.write->res) : 0});
}

void Calls::forget(std::uint32_t generation, const SendHistory& seen) {
    if (generations_.erase(generation) == 0) return;
    const auto found = calls_.find({seen.sock, static_cast<std::uint32_t>(seen.user_data)});
    if (found != calls_.end() && found->second.generation == generation && found->second.told)
        calls_.erase(found);
    const auto users = users_.find({seen.tgid, seen.addr, seen.len, seen.layout});
    if (users != users_.end() && users->second.empty()) users_.erase(users);
}

void Calls::finish() {
    std::uint64_t open = 0;
    for (const auto& [name, call] : calls_) open += !call.told;
    if (open > 0)
        report_.reasons.push_back(fmt::format(
            "of {} MSG_ZEROCOPY calls nobody had read the release when the trace ended{}", open,
            discarded_ > 0 ? fmt::format(" ({} ranges went with their socket)", discarded_) : ""));
    if (ignored_ > 0)
        report_.reasons.push_back(
            fmt::format("{} calls with MSG_ZEROCOPY on a socket without SO_ZEROCOPY: the flag is "
                        "ignored and the data copied; set the option",
                        ignored_));
    if (unhashed_ > 0)
        report_.reasons.push_back(fmt::format(
            "the payload of {} calls could not be read when their range was: nobody knows whether "
            "it was written too early",
            unhashed_));
}

}  // namespace zcv
