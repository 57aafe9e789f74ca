#include <algorithm>
#include <array>

#include "model/next.hpp"
#include "model/progress.hpp"

// Who is obliged to what. Every step has a row in one of two tables: it is a duty, of a context
// that must run some time, or it is free, the application's choice or a chance. Nothing here is
// about how soon. A peer is trusted with one thing only: it acknowledges what arrived, or the
// connection is given up in the end. Left out: fairness towards a step that is possible again and
// again but not all the time (strong fairness), because nothing in the kernel promises that.
namespace zcv {
namespace {

constexpr std::array duties_of_requests{
    Duty{"io_send_zc_prep", "prepare", "the kernel takes what was submitted"},
    Duty{"io_send_zc_prep_early_failure", "prepare", ""},
    Duty{"io_send_zc_prep_late_failure", "prepare", ""},
    Duty{"io_send_zc_issue", "issue", "the kernel issues what was prepared"},
    Duty{"io_send_zc_import", "issue", ""},
    Duty{"io_send_zc_unsupported", "issue", ""},
    Duty{"io_wq_submit_work", "issue", ""},
    Duty{"io_req_tw_fail_links", "issue", ""},
    Duty{"io_uring_try_cancel_requests", "issue", ""},
    Duty{"io_send", "issue", ""},
    Duty{"io_sendzc", "issue", ""},
    Duty{"io_sendzc_worker", "issue", ""},
    Duty{"io_sendzc_refused", "issue", ""},
    Duty{"msg_zerocopy_alloc", "number", "a call takes an id or a ubuf, or fails"},
    Duty{"msg_zerocopy_alloc_given", "number", ""},
    Duty{"msg_zerocopy_realloc", "number", ""},
    Duty{"msg_zerocopy_realloc_refused", "number", ""},
    Duty{"sock_omalloc_refused", "number", ""},
    Duty{"handle_tx_zerocopy", "number", ""},
    Duty{"ip_append_data", "append", "sendmsg takes the data, or fails"},
    Duty{"ip_append_data_copy", "append", ""},
    Duty{"ip_append_data_attach", "append", ""},
    Duty{"ip_append_data_attach_fragment", "append", ""},
    Duty{"ip_append_data_corked", "append", ""},
    Duty{"udp_sendmsg_foreign_ubuf", "append", ""},
    Duty{"io_link_skb", "append", ""},
    Duty{"skb_zerocopy_iter_stream", "append", ""},
    Duty{"skb_zerocopy_iter_stream_tail", "append", ""},
    Duty{"skb_zerocopy_iter_stream_unfilled", "append", ""},
    Duty{"skb_zerocopy_iter_stream_behind_copy", "append", ""},
    Duty{"tcp_send_syn_data", "append", ""},
    Duty{"tcp_send_syn_data_fallback", "append", ""},
    Duty{"tcp_sendmsg_copy", "append", ""},
    Duty{"virtio_transport_send_pkt_info", "append", ""},
    Duty{"ip_generic_getfrag", "append", ""},
    Duty{"tcp_sendmsg_not_asked", "append", ""},
    Duty{"tun_get_user", "append", ""},
    Duty{"tpacket_snd", "append", ""},
    Duty{"rds_message_zcopy_from_user", "append", ""},
    Duty{"io_send_zc_success", "return", "sendmsg returns"},
    Duty{"io_send_zc_failure", "return", ""},
    Duty{"io_sendzc_success", "return", ""},
    Duty{"io_sendzc_failure", "return", ""},
    Duty{"tcp_sendmsg", "return", ""},
    Duty{"udp_sendmsg", "return", ""},
    Duty{"sock_sendmsg_failure", "return", ""},
    Duty{"msg_zerocopy_put_abort", "return", ""},
    Duty{"handle_tx_zerocopy_failure", "return", ""},
    Duty{"rds_message_purge", "return", ""},
    Duty{"io_notif_flush", "", "a finished request completes"},
    Duty{"io_sendrecv_fail", "", ""},
    Duty{"io_req_complete_post", "", ""},
    Duty{"io_send_zc_cleanup", "", ""},
};

constexpr std::array duties_of_contexts{
    Duty{"io_submit_flush_completions", "", "task work and work items run"},
    Duty{"io_notif_tw_complete", "", ""},
    Duty{"io_notif_complete_tw", "", ""},
    Duty{"io_fallback_req_func", "", ""},
    Duty{"io_zc_tx_work_callback", "", ""},
    Duty{"vhost_zerocopy_signal_used", "", ""},
    Duty{"io_cqring_wait_schedule", "", "a thread in io_uring_enter sleeps or returns"},
    Duty{"io_cqring_wait", "", ""},
    Duty{"io_poll_wake", "", "the socket has room again"},
    Duty{"io_req_task_link_timeout", "", "a timer runs out"},
    Duty{"tcp_retransmit_skb", "timer", ""},
    Duty{"tcp_retransmit_skb_unclone", "timer", ""},
    Duty{"ip_send_skb", "send", "what is queued is sent"},
    Duty{"ip_flush_pending_frames", "send", ""},
    Duty{"tcp_write_xmit", "", ""},
    Duty{"xsk_generic_xmit", "", ""},
    Duty{"xsk_tx_peek_desc", "", ""},
    Duty{"dev_queue_xmit", "", ""},
    Duty{"dev_hard_start_xmit", "", ""},
    Duty{"ifb_xmit", "", "a device is done with what it was given"},
    Duty{"tun_net_xmit", "", ""},
    Duty{"device_dma", "", ""},
    Duty{"xsk_device_dma", "", ""},
    Duty{"xsk_tx_completed", "", ""},
    Duty{"netif_receive_skb_core", "", "what arrives is received"},
    Duty{"deliver_skb", "", ""},
    Duty{"esp_input", "", ""},
    Duty{"pskb_expand_head", "", ""},
    Duty{"skb_copy_ubufs", "", ""},
    Duty{"consume_skb", "", ""},
    Duty{"tcp_clean_rtx_queue", "peer", "the peer acknowledges, or the connection is given up"},
    Duty{"tcp_write_queue_purge", "peer", ""},
    Duty{"tcp_write_err", "peer", ""},
    Duty{"io_uring_cancel_generic", "", "who waited for the last one goes on"},
    Duty{"io_ring_ctx_free", "", ""},
    Duty{"io_rsrc_ref_quiesce", "", ""},
    Duty{"io_ring_ctx_ref_free", "", ""},
    Duty{"vhost_net_ubuf_wake", "", ""},
    Duty{"vhost_net_ubuf_put_wait_and_free", "", ""},
    Duty{"app_enter", "", "the application enters the kernel for events"},
    Duty{"io_cqring_overflow_flush", "", ""},
    Duty{"app_reap", "", "the application reads its completions"},
    Duty{"app_reap_frame", "", ""},
    Duty{"app_read_rx_ring", "", ""},
    Duty{"app_read_errqueue", "", ""},
    Duty{"app_sees_release", "", ""},
    Duty{"app_sendmsg_returns", "", "the application goes on when its call returned"},
};

constexpr Freedom its_choice = Freedom::application;
constexpr std::string_view sends = "it sends when it likes";
constexpr std::string_view asks = "it asks for this or not";
constexpr std::string_view misuses = "only one that is wrong does this";
constexpr std::string_view ends = "it closes, or ends, when it likes";
constexpr std::array steps_of_choice{
    FreeStep{"app_write", its_choice, sends},
    FreeStep{"app_submit", its_choice, sends},
    FreeStep{"app_sendmsg", its_choice, sends},
    FreeStep{"app_fill_tx_ring", its_choice, sends},
    FreeStep{"app_splice", its_choice, sends},
    FreeStep{"app_link", its_choice, asks},
    FreeStep{"app_drain", its_choice, asks},
    FreeStep{"io_async_cancel", its_choice, asks},
    FreeStep{"io_sqe_buffers_register", its_choice, asks},
    FreeStep{"io_sqe_buffers_update", its_choice, asks},
    FreeStep{"io_sqe_buffers_unregister", its_choice, asks},
    FreeStep{"io_notif_update", its_choice, "nobody but it flushes a slot, and it need not"},
    FreeStep{"io_notif_unregister", its_choice, asks},
    FreeStep{"io_ctx_quiesce", its_choice, asks},
    FreeStep{"tcp_sendmsg_plain", its_choice, sends},
    FreeStep{"tcp_downgrade_zcopy_pure", its_choice, sends},
    FreeStep{"udp_push_pending_frames", its_choice, "nobody but it ends a datagram that is corked"},
    FreeStep{"app_free", its_choice, "it frees memory when it likes"},
    FreeStep{"app_fill_fill_ring", its_choice, asks},
    FreeStep{"app_drop", its_choice, misuses},
    FreeStep{"app_reuse_descriptor", its_choice, misuses},
    FreeStep{"app_reuses_frame", its_choice, misuses},
    FreeStep{"app_misreads_overflow", its_choice, misuses},
    FreeStep{"io_sendzc_prep", its_choice, misuses},
    FreeStep{"xskq_cons_read_desc", its_choice, misuses},
    FreeStep{"app_close", its_choice, ends},
    FreeStep{"tcp_shutdown", its_choice, ends},
    FreeStep{"tcp_disconnect", its_choice, ends},
    FreeStep{"udp_flush_pending_frames", its_choice, ends},
    FreeStep{"vhost_net_ubuf_put_and_wait", its_choice, ends},
    FreeStep{"io_uring_release", its_choice, ends},
    FreeStep{"do_exit", its_choice, ends},
    FreeStep{"begin_new_exec", its_choice, ends},
};

constexpr Freedom chance = Freedom::chance;
constexpr std::string_view fails = "it may fail, or not";
constexpr std::string_view loses = "a packet may be lost, or not";
constexpr std::string_view listens = "somebody else may look at a packet, or not";
constexpr std::string_view cuts = "data may be cut and joined in any way";
constexpr std::string_view busy = "the socket may have no room, or not";
constexpr std::array steps_of_chance{
    FreeStep{"mm_account_pinned_pages_refused", chance, fails},
    FreeStep{"tun_get_user_fault", chance, fails},
    FreeStep{"tun_get_user_down", chance, fails},
    FreeStep{"rds_message_zcopy_from_user_fault", chance, fails},
    FreeStep{"virtio_transport_fill_skb", chance, fails},
    FreeStep{"tcp_remove_empty_skb", chance, fails},
    FreeStep{"skb_copy_ubufs_failure", chance, fails},
    FreeStep{"io_cqring_event_overflow", chance, fails},
    FreeStep{"io_arm_poll_handler", chance, busy},
    FreeStep{"io_sendzc_again", chance, busy},
    FreeStep{"tcp_transmit_skb_refused", chance, busy},
    FreeStep{"kfree_skb_reason", chance, loses},
    FreeStep{"skb_tx_error", chance, loses},
    FreeStep{"device_reset", chance, loses},
    FreeStep{"tcp_timeout_mark_lost", chance, "a peer may go back on its word"},
    FreeStep{"tcp_sacktag_one", chance, "a peer may say what it has, or not"},
    FreeStep{"xsk_rcv", chance, "a packet may arrive, or not"},
    FreeStep{"dev_queue_xmit_nit", chance, listens},
    FreeStep{"tcf_mirred_to_dev", chance, "a filter may match a packet, or not"},
    FreeStep{"skb_tstamp_tx", chance, listens},
    FreeStep{"pskb_copy_fclone", chance, listens},
    FreeStep{"pskb_carve", chance, listens},
    FreeStep{"dev_forward_skb", chance, "a packet may take this way, or another"},
    FreeStep{"virtio_transport_alloc_skb", chance, cuts},
    FreeStep{"tcp_mark_push", chance, cuts},
    FreeStep{"tcp_mtu_probe", chance, cuts},
    FreeStep{"tcp_fragment", chance, cuts},
    FreeStep{"tcp_trim_head", chance, cuts},
    FreeStep{"skb_shift", chance, cuts},
    FreeStep{"skb_segment", chance, cuts},
    FreeStep{"skb_segment_linear", chance, cuts},
    FreeStep{"skb_gro_receive", chance, cuts},
};

constexpr std::array sending_steps{"app_write", "app_submit", "app_sendmsg", "app_fill_tx_ring"};

template <class... Step>
constexpr std::array<std::string_view, sizeof...(Step)> names_of(StepList<Step...>) {
    return {step_name<Step>()...};
}

// Which duty, and whether it is one with all its objects; of every step, by its number.
struct Numbered {
    std::uint64_t duty = 0;
    bool alone = false;
};

Numbered number_of(std::string_view step) {
    const auto& duties = kernel_duties();
    const auto found = std::ranges::find(duties, step, &Duty::step);
    if (found == duties.end()) return {};
    const bool alone = found->duty.empty();
    const auto first = alone ? found : std::ranges::find(duties, found->duty, &Duty::duty);
    return {static_cast<std::uint64_t>(first - duties.begin()) + 1, alone};
}

}  // namespace

const std::vector<Duty>& kernel_duties() {
    static const std::vector<Duty> all = [] {
        std::vector<Duty> list(duties_of_requests.begin(), duties_of_requests.end());
        list.insert(list.end(), duties_of_contexts.begin(), duties_of_contexts.end());
        return list;
    }();
    return all;
}

const std::vector<FreeStep>& kernel_free_steps() {
    static const std::vector<FreeStep> all = [] {
        std::vector<FreeStep> list(steps_of_choice.begin(), steps_of_choice.end());
        list.insert(list.end(), steps_of_chance.begin(), steps_of_chance.end());
        return list;
    }();
    return all;
}

bool is_sending(std::string_view step) {
    return std::ranges::find(sending_steps, step) != sending_steps.end();
}

std::string fairness_of(std::string_view step) {
    std::string_view who;
    for (const Duty& duty : kernel_duties()) {
        if (!duty.who.empty()) who = duty.who;
        if (duty.step == step) return "yes, when it could happen all the time: " + std::string(who);
    }
    for (const FreeStep& each : kernel_free_steps()) {
        if (each.step != step) continue;
        const bool choice = each.freedom == Freedom::application;
        return std::string(choice ? "no, it is the application's choice: "
                                  : "no, it is a matter of chance: ") +
               std::string(each.why);
    }
    return "nobody has said";
}

std::uint64_t kernel_duty(checker::Taken taken) {
    constexpr auto names = names_of(Steps{});
    static const std::vector<Numbered> duty_of_step = [&] {
        std::vector<Numbered> all;
        for (const std::string_view name : names) all.push_back(number_of(name));
        return all;
    }();
    const auto [duty, alone] = duty_of_step[taken.step];
    if (duty == 0) return 0;
    return duty << 24 | std::uint64_t{taken.ids[0]} << 16 |
           (alone ? std::uint64_t{taken.ids[1]} << 8 | taken.ids[2] : 0u);
}

// What is sent from one buffer is one duty.
std::uint64_t kernel_duty_going_on_sending(checker::Taken taken) {
    constexpr auto names = names_of(Steps{});
    if (!is_sending(names[taken.step])) return kernel_duty(taken);
    return (std::uint64_t{kernel_duties().size()} + 1) << 24 | std::uint64_t{taken.ids[0]} << 16;
}

}  // namespace zcv
