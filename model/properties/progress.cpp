#include "model/progress.hpp"

#include <algorithm>
#include <array>

#include "model/ensure.hpp"
#include "model/next.hpp"

// Liveness. It rests on assumptions, which are the table of duties: without them nothing need ever
// happen. A peer is trusted with one thing only: it acknowledges what arrived, or the connection is
// given up in the end. Left out: fairness towards a step that is possible again and again but not
// all the time (strong fairness), because nothing in the kernel promises that.
namespace zcv {
namespace {

// Its issuer has given up its own reference, so only the network can still hold it.
bool ubuf_is_flushed(const FixedStore& s, std::uint32_t n) {
    return s[UbufId{n}].alive && !s[UbufId{n}].owner_ref && !s[UbufId{n}].cached;
}

bool request_is_under_way(const FixedStore& s, std::uint32_t r) {
    return s[RequestId{r}].phase != Phase::idle;
}

std::uint32_t ubufs(const World& world) {
    return world.bounds.ubufs;
}
std::uint32_t requests(const World& world) {
    return world.bounds.requests;
}

template <class... Step>
constexpr std::array<std::string_view, sizeof...(Step)> names_of(StepList<Step...>) {
    return {step_name<Step>()...};
}

}  // namespace

const std::vector<KernelEventually>& kernel_eventually() {
    static const std::vector<KernelEventually> all{
        {"L1-release",
         "A send is finished and its notification never comes: its buffer can never be used again.",
         "ubuf", ubufs, ubuf_is_flushed,
         "a ubuf whose issuer has given up its reference, until it is gone"},
        {"L2-told", "A send never ends for its application, which waits for a completion for ever.",
         "request", requests, request_is_under_way,
         "a request from its submission until the application expects nothing more of it"},
    };
    return all;
}

namespace {

// Duties in a call of sendmsg(MSG_ZEROCOPY), and its application's.
std::vector<Duty> call_duties() {
    return {
        {"ip_append_data_attach", "append", ""},
        {"skb_zerocopy_iter_stream_tail", "append", ""},
        {"ip_generic_getfrag", "append", ""},
        {"tcp_sendmsg_not_asked", "append", ""},
        {"msg_zerocopy_alloc", "number", "a call takes an id, or fails"},
        {"msg_zerocopy_realloc", "number", ""},
        {"msg_zerocopy_realloc_refused", "number", ""},
        {"sock_omalloc_refused", "number", ""},
        {"tcp_sendmsg", "return", ""},
        {"udp_sendmsg", "return", ""},
        {"sock_sendmsg_failure", "return", ""},
        {"msg_zerocopy_put_abort", "return", ""},
        {"app_sendmsg_returns", "", "the application goes on when its call returned"},
        {"app_read_errqueue", "", "the application reads its error queue"},
    };
}

// Duties of what ends, of registered buffers and of other protocols.
std::vector<Duty> further_duties() {
    return {
        {"io_poll_wake", "", "the socket has room again"},
        {"app_enter", "", "the application enters the kernel for events"},
        {"io_cqring_wait_schedule", "", ""},
        {"io_cqring_wait", "", ""},
        {"io_send_zc_import", "issue", ""},
        {"io_uring_try_cancel_requests", "issue", ""},
        {"virtio_transport_send_pkt_info", "append", ""},
        {"io_fallback_req_func", "", ""},
        {"tun_net_xmit", "", ""},
        {"deliver_skb", "", ""},
    };
}

}  // namespace

const std::vector<Duty>& kernel_duties() {
    static const std::vector<Duty> all = [] {
        std::vector<Duty> list{
            {"io_send_zc_prep", "prepare", "the kernel takes what was submitted"},
            {"io_send_zc_prep_early_failure", "prepare", ""},
            {"io_send_zc_prep_late_failure", "prepare", ""},
            {"io_send_zc_issue", "issue", "the kernel issues what was prepared"},
            {"io_wq_submit_work", "issue", ""},
            {"io_req_tw_fail_links", "issue", ""},
            {"io_send", "issue", ""},
            {"io_sendzc", "issue", ""},
            {"io_sendzc_worker", "issue", ""},
            {"io_sendzc_refused", "issue", ""},
            {"ip_append_data", "append", "sendmsg takes the data, or fails"},
            {"ip_append_data_copy", "append", ""},
            {"io_link_skb", "append", ""},
            {"skb_zerocopy_iter_stream", "append", ""},
            {"skb_zerocopy_iter_stream_unfilled", "append", ""},
            {"skb_zerocopy_iter_stream_behind_copy", "append", ""},
            {"tcp_send_syn_data", "append", ""},
            {"tcp_send_syn_data_fallback", "append", ""},
            {"tcp_sendmsg_copy", "append", ""},
            {"ip_append_data_corked", "append", ""},
            {"udp_sendmsg_foreign_ubuf", "append", ""},
            {"io_send_zc_success", "return", "sendmsg returns"},
            {"io_send_zc_failure", "return", ""},
            {"io_sendzc_success", "return", ""},
            {"io_sendzc_failure", "return", ""},
            {"io_notif_flush", "", "a finished request completes"},
            {"io_sendrecv_fail", "", ""},
            {"io_req_complete_post", "", ""},
            {"io_send_zc_cleanup", "", ""},
            {"io_submit_flush_completions", "", "task work runs"},
            {"io_notif_tw_complete", "", ""},
            {"io_notif_complete_tw", "", ""},
            {"io_zc_tx_work_callback", "", ""},
            {"io_cqring_overflow_flush", "", "the application enters the kernel for events"},
            {"app_reap", "", "the application reads its completions"},
            {"app_reap_frame", "", ""},
            {"ip_send_skb", "send", "what is queued is sent"},
            {"ip_flush_pending_frames", "send", ""},
            {"tcp_write_xmit", "", ""},
            {"xsk_generic_xmit", "", ""},
            {"xsk_tx_peek_desc", "", ""},
            {"tcp_retransmit_skb", "", "a timer runs out"},
            {"dev_queue_xmit", "", ""},
            {"dev_hard_start_xmit", "", ""},
            {"ifb_xmit", "", "a device is done with what it was given"},
            {"device_dma", "", ""},
            {"xsk_device_dma", "", ""},
            {"xsk_tx_completed", "", ""},
            {"netif_receive_skb_core", "", "what arrives is received"},
            {"pskb_expand_head", "", ""},
            {"skb_copy_ubufs", "", ""},
            {"consume_skb", "", ""},
            {"tcp_clean_rtx_queue", "peer", "the peer acknowledges, or the connection is given up"},
            {"tcp_write_queue_purge", "peer", ""},
            {"tcp_write_err", "peer", ""},
        };
        for (const auto& more : {call_duties(), further_duties()})
            list.insert(list.end(), more.begin(), more.end());
        return list;
    }();
    return all;
}

std::uint64_t kernel_duty(checker::Taken taken) {
    constexpr auto names = names_of(Steps{});
    static const std::vector<std::uint64_t> duty_of_step = [&] {
        std::vector<std::uint64_t> all(names.size());
        for (std::size_t step = 0; step < names.size(); ++step) {
            const auto same_step = [&](const Duty& each) { return each.step == names[step]; };
            const auto found = std::ranges::find_if(kernel_duties(), same_step);
            if (found == kernel_duties().end()) continue;
            const auto same_duty = [&](const Duty& each) {
                return !found->duty.empty() && each.duty == found->duty;
            };
            const auto first = std::ranges::find_if(kernel_duties(), same_duty);
            const bool alone = first == kernel_duties().end();
            const auto row = (alone ? found : first) - kernel_duties().begin();
            all[step] = static_cast<std::uint64_t>(row + 1) << 1 | (alone ? 1u : 0u);
        }
        return all;
    }();
    const std::uint64_t duty = duty_of_step[taken.step];
    if (duty == 0) return 0;
    const bool alone = (duty & 1) != 0;
    return duty << 24 | std::uint64_t{taken.ids[0]} << 16 |
           (alone ? std::uint64_t{taken.ids[1]} << 8 | taken.ids[2] : 0u);
}

std::vector<checker::Eventually<FixedStore>> eventually_in(const World& world,
                                                           const std::vector<std::string>& names) {
    std::vector<checker::Eventually<FixedStore>> asked;
    for (const std::string& name : names) {
        const auto found = std::ranges::find_if(kernel_eventually(), [&](const auto& each) {
            return each.name == name || each.name.starts_with(name + "-");
        });
        ZCV_CHECK(found != kernel_eventually().end());
        asked.push_back({found->name, found->breaks, found->objects(world), found->pending});
    }
    return asked;
}

}  // namespace zcv
