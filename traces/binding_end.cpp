#include <fmt/format.h>

#include <algorithm>

#include "model/packing.hpp"
#include "traces/binding_walk.hpp"

// What a walk has to say: what was left open when the trace ended, and the model's state in words.
namespace zcv {

void Walk::finish() {
    calls_.finish();
    std::uint64_t open = 0;
    std::vector<Send*> left;
    sends_.for_each([&](Send& send) {
        if (send.is_call || send.lost || send.notified || (send.completed && !send.more)) return;
        left.push_back(&send);
    });
    std::ranges::sort(left, {}, [](const Send* send) { return history(*send).number; });
    for (Send* const each : left) {
        Send& send = *each;
        if (send.deferred && !send.completed) ++never_started_;
        // Where records are missing, its notification may be one of them.
        if ((send.rewritten_ns != 0 || send.write != nullptr) && knows_all()) {
            zcv_event last{};
            last.time_ns = now_ns_;
            report_reuse(send, last);
        }
        ++open;
    }
    if (open > 0)
        report_.reasons.push_back(fmt::format(
            "{} of {} sends had no notification when the trace ended", open, report_.sends));
    if (unknown_resubmissions_ > 0)
        report_.reasons.push_back(
            fmt::format("{} times a buffer was submitted again before its notification; without "
                        "content hashes nobody knows whether it was written (capture with --hash)",
                        unknown_resubmissions_));
    if (nameless_ > 0) {
        report_.ambiguous = true;
        report_.reasons.push_back(
            fmt::format("{} overflown CQEs had a user_data that several sends in flight shared, so "
                        "which of these a CQE was for is a guess: give each send its own, or make "
                        "the CQ ring larger",
                        nameless_));
    }
    if (never_started_ > 0)
        report_.reasons.push_back(fmt::format(
            "{} sends with IOSQE_IO_DRAIN never started: since 6.16 such a send may wait "
            "for its own notification (B32), and before that the CQEs of notifications were "
            "counted against it; send without it",
            never_started_));
    const bool hashed = !trace_.info.hash.empty() && trace_.info.hash != "none";
    if (hashed && unhashed_ > 0)
        report_.reasons.push_back(
            fmt::format("the payload of {} sends could not be read when they were submitted: "
                        "writes to it were not watched",
                        unhashed_));
    if (unread_ > 0)
        report_.reasons.push_back(fmt::format(
            "the payload of {} sends could not be read when they were notified, outside their "
            "process or without a name: nobody knows whether it was written too early",
            unread_));
}

void Walk::mismatch(std::string why, std::vector<std::string> around,
                    std::vector<std::string> instead) const {
    throw MismatchError{{std::move(why), std::move(around), std::move(instead)}};
}

std::uint32_t Walk::send_of(const KnownRecord& record) const {
    return record.life != 0 ? seen_life(record.life).owner : record.send;
}

std::vector<checker::Field> Walk::fields_of(std::uint32_t generation) const {
    const Send* const found = sends_.find(generation);
    return found == nullptr ? std::vector<checker::Field>{} : fields_of(*found);
}

std::vector<checker::Field> Walk::fields_of(const Send& send) const {
    FieldLister lister;
    const auto list = [&](auto id) {
        if (id == none<decltype(id)>) return;
        auto copy = s_[id];
        lister.object(id);
        copy.fields(lister);
    };
    list(send.request);
    list(send.notif);
    if (send.notif != none<UbufId> && s_[send.notif].head != send.notif)
        list(UbufId{s_[send.notif].head});
    for (const std::uint32_t life : send.lives)
        if (!is_gone(life)) list(lives_.at(life).shinfo);
    list(send.sock);
    return lister.take();
}

std::vector<std::string> Walk::around(const Send& send) const {
    return one_line_each(fields_of(send));
}

std::vector<std::string> Walk::enabled_for(const Send& send) const {
    std::vector<std::string> names;
    enabled_request_steps(s_, send.request, names, Steps{});
    return names;
}

}  // namespace zcv
