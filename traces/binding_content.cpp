#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "model/next.hpp"
#include "traces/binding_walk.hpp"
#include "traces/stacks.hpp"
#include "traces/touches.hpp"

// What the application did to its buffers: told by the hashes of their content, by watchpoints, and
// by what it submits again.
namespace zcv {

void Walk::on_memory(const zcv_event& event, Send* send) {
    switch (event.kind) {
        case ZCV_VECTOR:
            return gathered_.see(event);
        case ZCV_CONTENT:
            if (send != nullptr) on_content(event, *send);
            return;
        case ZCV_PAGES:
            if (send != nullptr) on_pages(event, *send);
            return;
        default:
            return on_write(event);
    }
}

// The application wrote the buffer at some time before it submitted it. Where the model does not
// let it, because a send of it is still open, the content hash says whether it did all the same.
void Walk::write_and_submit(Send& send, const zcv_event& event) {
    const BufferId b = send.buffer;
    bool changed = false;
    for (const std::uint32_t generation : users_of_buffer_[index(b)]) {
        Send& before = send_at(generation);
        if (before.hash == 0 || event.hash == 0) {
            ++unknown_resubmissions_;
        } else if (before.hash != event.hash) {
            changed = true;
            if (before.rewritten_ns != 0) continue;
            before.rewritten_ns = event.time_ns;
            before.rewritten_hash = event.hash;
            before.rewritten_by = history(send).number;
        }
    }
    if (!may<world::app_write>(b) && changed)
        world::app_write::effect(s_, b);  // refused above: what report_reuse() reports
    must<world::app_submit>("a submission", b, send.request, send.sock);
}

// A write to a word of a buffer, at that very moment, or its return to the allocator, which writes
// it too. It was too early for each send that has not been notified: the notification's record
// precedes the CQE that the application could have read.
void Walk::on_write(const zcv_event& event) {
    const auto write = std::make_shared<const zcv_event>(event);
    calls_.see_write(write);
    for (std::uint32_t i = 0; i < span_of_buffer_.size(); ++i) {
        const Span& span = span_of_buffer_[i];
        if (span.tgid != event.tgid || !gathered_.touched(event, span.addr, span.len, span.layout))
            continue;
        const BufferId b{i};
        for (const std::uint32_t generation : users_of_buffer_[i])
            if (Send& send = send_at(generation);
                send.write == nullptr && is_after(event, history(send).submitted_ns))
                send.write = write;
        if (!may<world::app_write>(b) && !users_of_buffer_[i].empty())
            world::app_write::effect(s_, b);  // refused above: what report_reuse() reports
    }
}

// The last look at what is in flight under this address: from here on other pages are there. What
// is submitted from it then is another buffer, and what is written there is no concern of this one.
void Walk::on_content(const zcv_event& event, Send& send) {
    if (send.parted_ns != 0 || send.notified || event.hash == 0 || send.hash == 0) return;
    const bool all = event.zc_flags == 1;
    if (!all && event.hash == send.hash) return;
    send.parted_ns = event.time_ns;
    send.parted_hash = event.hash;
    if (!all) return;
    Span& span = span_of_buffer_[index(send.buffer)];
    const BufferId* const there = buffer_at_.find(span);
    if (there != nullptr && *there == send.buffer) buffer_at_.erase(span);
    span = {};
}

// The first look counts: from then on the memory may have left its address.
void Walk::on_pages(const zcv_event& event, const Send& send) {
    SendHistory& seen = history(send);
    if (seen.pages == Pages::unknown) seen.pages = event.zc_flags == 1 ? Pages::same : Pages::other;
}

void Walk::check_content(const zcv_event& event, Send& send) {
    const std::uint64_t hash = send.parted_ns != 0 ? send.parted_hash : event.hash;
    const bool changed = hash != 0 && send.hash != 0 && hash != send.hash;
    // Who is gone writes no more.
    if (hash == 0 && send.hash != 0 && !exited_.contains(event.tgid)) ++unread_;
    const bool seen_otherwise = send.rewritten_ns != 0 || send.write != nullptr;
    if (changed || (seen_otherwise && event.generation != 0)) report_reuse(send, event);
}

// Of a send with a record that was not explained the model claims nothing more. What its buffer
// held at its submission and at its notification needs no model.
void Walk::check_ends(const zcv_event& event, Send& send) {
    if (event.kind != ZCV_NOTIF || send.notified || event.generation != send.generation) return;
    send.notified = true;
    check_content(event, send);
}

void Walk::report_reuse(Send& send, const zcv_event& event) {
    SendHistory& seen = history(send);
    const bool parted = send.parted_ns != 0 && send.parted_hash != send.hash;
    const std::uint64_t until = parted ? send.parted_ns : event.time_ns;
    const std::uint64_t last_hash = parted ? send.parted_hash : event.hash;
    std::vector<std::string> evidence;
    std::vector<Evidence> seen_by;
    std::uint32_t thread = 0;
    std::string when;
    const char* what = "written";
    if (send.hash != 0 && (send.rewritten_ns != 0 || last_hash != send.hash)) {
        if (last_hash != 0) seen_by.push_back(Evidence::content_hash);
        evidence.push_back(fmt::format("content hash {:#018x} at submission", send.hash));
        const char* const then = parted ? "when its memory was given back" : "at the notification";
        if (last_hash == send.hash)
            evidence.back() += fmt::format(", the same again {}", then);
        else if (last_hash != 0)
            evidence.back() += fmt::format(", {:#018x} {}", last_hash, then);
    }
    seen.reused_ns = until;
    if (send.rewritten_ns != 0) {
        seen_by.push_back(Evidence::resubmission);
        evidence.push_back(fmt::format("submitted again with other content ({:#018x}) as send #{}",
                                       send.rewritten_hash, send.rewritten_by));
        when = fmt::format("at least {} before the kernel said that it had let go",
                           in_ms(until - send.rewritten_ns));
        seen.reused_ns = send.rewritten_ns;
    } else {
        const std::uint64_t since = seen.completed_ns.value_or(seen.submitted_ns);
        when = parted ? fmt::format("up to {} before its memory was given back, while in flight",
                                    in_ms(until - since))
                      : fmt::format("up to {} before the notification was posted",
                                    in_ms(until - since));
    }
    std::vector<std::string> stack;
    if (send.write != nullptr) {
        const zcv_event& write = *send.write;
        seen_by.push_back(evidence_of(write));
        thread = write.pid;
        stack = lines_of(trace_, static_cast<std::uint32_t>(write.res));
        evidence.push_back(in_words(write));
        what = done_to_buffer(write);
        when = fmt::format("{} before the kernel said that it had let go",
                           how_long_before(write, until));
        seen.reused_ns = std::min<std::uint64_t>(*seen.reused_ns, write.time_ns);
    }
    seen.reused_early = true;
    Violation& found = violation(send, "R1-no-reuse-before-release", Evidence::content_hash,
                                 *seen.reused_ns, fmt::format("{}", fmt::join(evidence, "; ")),
                                 fmt::format("Buffer {:#x} ({} bytes) was {} {}: {}.", seen.addr,
                                             seen.len, what, when, harm_of(seen, seen_by)));
    found.stack = std::move(stack);
    found.seen_by = std::move(seen_by);
    found.again_as = send.rewritten_by;
    found.before_unmapping = parted;
    found.thread = thread;
    if (thread != 0) found.stack_number = static_cast<std::uint32_t>(send.write->res);
}

}  // namespace zcv
