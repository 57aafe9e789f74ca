#include <fmt/format.h>

#include "model/next.hpp"
#include "traces/binding_walk.hpp"

// The counts of notifications: what function probes saw of them, and what the steps do to them.
namespace zcv {

// Other records have steps taken for what happened. What is said here besides is by which function,
// and kernels differ in those.
void Walk::on_ubuf_ref(const zcv_event& event) {
    if (const auto why = account_.refuses(event)) mismatch(*why);
    const Profile& kernel = s_.world().profile;
    const bool of_request = event.ring != 0;
    switch (event.opcode) {
        case ZCV_REF_LINK_SKB:
        case ZCV_REF_MEMBER:
            if (!kernel.chains)
                mismatch("io_link_skb() ran, and this kernel has no chains of notifications");
            return;
        case ZCV_REF_STREAM:
            if (kernel.chains && of_request)
                mismatch(
                    "skb_zerocopy_iter_stream() attached a notification itself; on this kernel "
                    "io_link_skb() does");
            return;
        case ZCV_REF_CALL:
            if (!kernel.sendmsg_holds_ubuf)
                mismatch(
                    "tcp_sendmsg_locked() took a reference for as long as it runs, which on this "
                    "kernel it does not");
            return;
        case ZCV_REF_FLUSH:
            if (kernel.chains)
                mismatch(
                    "io_notif_flush() dropped the reference itself; on this kernel it has the "
                    "completion callback do so");
            return;
        case ZCV_REF_ISSUER:
            if (kernel.sendmsg_holds_ubuf)
                mismatch(
                    "the completion callback dropped the issuer's reference; on this kernel "
                    "io_notif_flush() does so itself");
            return;
        case ZCV_REF_CALL_OVER:
            if (!kernel.sendmsg_holds_ubuf && of_request)
                mismatch(
                    "tcp_sendmsg_locked() dropped a reference of its own, which on this kernel it "
                    "does not have");
            return;
        default:
            return;
    }
}

static zcv_ref taken_by(std::string_view step) {
    if (step == step_name<kernel::io_link_skb>()) return ZCV_REF_MEMBER;
    if (step == step_name<kernel::skb_zerocopy_iter_stream>()) return ZCV_REF_STREAM;
    if (step == step_name<kernel::ip_append_data>()) return ZCV_REF_DATAGRAM;
    if (step == step_name<kernel::pskb_expand_head>()) return ZCV_REF_EXPAND;
    return ZCV_REF_CLONE;
}

// Called after every step. Few notifications are in flight at a time.
void Walk::note_changes(std::string_view step) {
    std::vector<std::uint32_t> gone;  // by UbufId of a head: members whose last one went
    s_.for_each<UbufId>([&](UbufId n) {
        gone.resize(std::max<std::size_t>(gone.size(), index(n) + 1));
        counted_.resize(std::max<std::size_t>(counted_.size(), index(n) + 1));
        const UbufId head = s_[n].head;
        if (!s_[n].alive || s_[n].refs > 0 || counted_[index(n)].refs == 0) return;
        if (head == n || head == none<UbufId>) return;
        gone.resize(std::max<std::size_t>(gone.size(), index(head) + 1));
        ++gone[index(head)];
    });
    s_.for_each<UbufId>([&](UbufId n) {
        if (s_[n].alive && s_[n].request != none<RequestId> &&
            s_[n].provider == Provider::io_uring) {
            note_holders_of(n);
            note_change(n, gone[index(n)], step);
        }
        counted_[index(n)] = {s_[n].refs, s_[n].owner_ref, s_[n].syscall_ref};
    });
}

void Walk::note_change(UbufId n, std::uint32_t members_gone, std::string_view step) {
    if (changes_ == nullptr) return;
    const auto& now = s_[n];
    const Counted& before = counted_[index(n)];
    const std::uint32_t generation = send_of_request_[index(now.request)];
    auto left = static_cast<std::int64_t>(now.refs) - before.refs;
    const auto explain = [&](zcv_ref how, std::int64_t times, int by) {
        for (std::int64_t i = 0; i < times; ++i) changes_->push_back({generation, how});
        left -= by * times;
    };
    if (now.owner_ref && !before.owner_ref) explain(ZCV_REF_ALLOC, 1, 1);
    if (now.syscall_ref && !before.syscall_ref) explain(ZCV_REF_CALL, 1, 1);
    if (!now.owner_ref && before.owner_ref) explain(ZCV_REF_ISSUER, 1, -1);
    if (!now.syscall_ref && before.syscall_ref) explain(ZCV_REF_CALL_OVER, 1, -1);
    explain(ZCV_REF_MEMBER_GONE, members_gone, -1);
    const bool copied = step == step_name<kernel::skb_copy_ubufs>();
    if (left < 0) explain(copied ? ZCV_REF_COPY : ZCV_REF_RELEASE, -left, -1);
    if (left > 0) explain(taken_by(step), left, 1);
}

void Walk::note_holders_of(UbufId n) {
    if (holders_ == nullptr) return;
    const auto& now = s_[n];
    const Counted& before = counted_[index(n)];
    if (now.refs == before.refs && now.owner_ref == before.owner_ref &&
        now.syscall_ref == before.syscall_ref)
        return;
    RefHolders seen{send_of_request_[index(now.request)],
                    now_ns_,
                    now.refs,
                    now.owner_ref,
                    now.syscall_ref,
                    {},
                    {}};
    s_.for_each<ShinfoId>([&](ShinfoId h) {
        if (!s_[h].alive || s_[h].uarg != n) return;
        life_of_shinfo_.resize(std::max<std::size_t>(life_of_shinfo_.size(), index(h) + 1));
        const std::uint32_t life = life_of_shinfo_[index(h)];
        seen.skbs.push_back({h, lives_[life].gone ? 0 : life});
    });
    s_.for_each<UbufId>([&](UbufId m) {
        if (now.head == n && m != n && s_[m].alive && s_[m].head == n && s_[m].refs > 0)
            if (s_[m].request != none<RequestId>)
                seen.members.push_back(send_of_request_[index(s_[m].request)]);
    });
    holders_->push_back(std::move(seen));
}

// A step attaches an skb before it is said which records speak of it.
void Walk::name_holder(ShinfoId shinfo, std::uint32_t life) {
    life_of_shinfo_.resize(std::max<std::size_t>(life_of_shinfo_.size(), index(shinfo) + 1));
    life_of_shinfo_[index(shinfo)] = life;
    for (auto seen = holders_->rbegin(); seen != holders_->rend() && seen->time_ns == now_ns_;
         ++seen)
        for (RefHolders::Skb& skb : seen->skbs)
            if (skb.shinfo == shinfo && skb.life == 0) skb.life = life;
}

}  // namespace zcv
