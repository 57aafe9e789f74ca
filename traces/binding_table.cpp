#include "model/next.hpp"
#include "traces/binding.hpp"

namespace zcv {
namespace {

template <class... Step>
std::vector<std::string_view> names() {
    return {step_name<Step>()...};
}

}  // namespace

using namespace kernel;
using namespace world;

namespace {

// Steps that no record of its own stands for.
template <class... Step>
void add_inferred(std::vector<Unobserved>& all, std::string_view why) {
    (all.push_back({step_name<Step>(), why}), ...);
}

void add_calls(std::vector<Unobserved>& all) {
    add_inferred<msg_zerocopy_alloc, msg_zerocopy_realloc>(
        all, "the skb at the tail, the bytes its ubuf covers, and the ranges that its skbs name");
    add_inferred<ip_append_data_attach, ip_append_data_attach_fragment>(
        all, "a datagram without pages, of a range that was copied");
    add_inferred<skb_zerocopy_iter_stream_tail>(all, "a call that brought about no skb of its own");
    add_inferred<msg_zerocopy_realloc_refused, sock_omalloc_refused,
                 mm_account_pinned_pages_refused>(
        all, "not taken: a call that fails may as well have given its id back");
    add_inferred<ip_generic_getfrag, tcp_sendmsg_not_asked, app_close>(
        all, "not taken: a call without the flag, and a socket's end, move no reference");
    add_inferred<handle_tx_zerocopy, tun_get_user, tun_get_user_fault, tun_get_user_down,
                 handle_tx_zerocopy_failure, vhost_zerocopy_signal_used,
                 vhost_net_ubuf_put_and_wait, vhost_net_ubuf_wake, vhost_net_ubuf_put_wait_and_free,
                 tpacket_snd, rds_message_zcopy_from_user, rds_message_zcopy_from_user_fault,
                 rds_message_purge, app_sees_release>(
        all, "not taken: sends of vhost, packet rings and RDS are not captured");
    add_inferred<msg_zerocopy_alloc_given>(all, "not taken: no kernel has this design");
}

}  // namespace

const std::vector<Binding>& bindings() {
    static const std::vector<Binding> all{
        {ZCV_SUBMIT, names<io_send_zc_prep>(), ""},
        {ZCV_COMPLETE, names<io_submit_flush_completions, io_req_complete_post>(), ""},
        {ZCV_NOTIF, names<io_submit_flush_completions>(), ""},
        {ZCV_CQE_OVERFLOW, names<io_submit_flush_completions, io_req_complete_post>(), ""},
        {ZCV_POLL_ARM, names<io_arm_poll_handler>(), ""},
        {ZCV_ASYNC, names<io_wq_submit_work>(), ""},
        {ZCV_LINK, {}, "the request waits for its predecessor; nothing of its own happens"},
        {ZCV_DEFER, {}, "the request waits for the drain; nothing of its own happens"},
        {ZCV_PREP_FAILED, names<io_send_zc_prep_late_failure, io_send_zc_prep_early_failure>(), ""},
        {ZCV_TCP_APPEND, names<io_send_zc_issue, io_link_skb, skb_zerocopy_iter_stream>(), ""},
        {ZCV_DEV_QUEUE,
         names<tcp_fragment, tcp_write_xmit, tcp_transmit_skb_refused, tcp_retransmit_skb,
               dev_queue_xmit, tcf_mirred_to_dev, dev_forward_skb>(),
         ""},
        {ZCV_DEV_XMIT, names<dev_hard_start_xmit, skb_segment>(), ""},
        {ZCV_RX, names<netif_receive_skb_core>(), ""},
        {ZCV_SKB_CONSUME, names<consume_skb, dev_queue_xmit_nit, skb_segment_linear>(), ""},
        {ZCV_SKB_DROP, names<kfree_skb_reason>(), ""},
        {ZCV_HEAD_FREE, names<consume_skb, tcp_clean_rtx_queue, tcp_write_queue_purge>(), ""},
        {ZCV_FORK, {}, "who is watched"},
        {ZCV_EXEC, {}, "who is watched"},
        {ZCV_EXIT, {}, "who is watched: what it sent goes on without it"},
        {ZCV_RING_CREATE, {}, "a new object: the address means another ring from here on"},
        {ZCV_WRITE, names<app_write>(), ""},
        {ZCV_REGISTER, {}, "replay does not follow the table of registered buffers"},
        {ZCV_CALL, names<app_sendmsg>(), ""},
        {ZCV_CALL_DONE,
         names<tcp_sendmsg, udp_sendmsg, msg_zerocopy_put_abort, sock_sendmsg_failure,
               app_sendmsg_returns>(),
         ""},
        {ZCV_ERRQUEUE, names<consume_skb, tcp_clean_rtx_queue>(), ""},
        {ZCV_ERRQUEUE_READ, names<app_read_errqueue>(), ""},
        {ZCV_CALL_TOLD, {}, "the content of a call whose range is read: compared, not modelled"},
        {ZCV_RETRANSMIT, {}, "the clone that is sent again shows in its dev-queue record"},
        {ZCV_ACK, {}, "what it releases shows in the head-free records"},
        {ZCV_SOCK_STATE, {}, "what is purged shows in the head-free records"},
        {ZCV_RESET, {}, "what is purged shows in the head-free records"},
        {ZCV_CLOSE, {}, "drops a reference to a file; what is queued is still sent"},
        {ZCV_SHUTDOWN, {}, "it moves no reference"},
        {ZCV_UNMAP, {}, "pages live on in the packets that refer to them"},
        {ZCV_LINK_FAIL, {}, "the member's own completion says what became of it"},
        {ZCV_TASK_WORK, {}, "what it does is recorded one by one"},
        {ZCV_RING_CLOSE, {}, "drops a reference to a file; what is in flight goes on"},
        {ZCV_CQE, {}, "another request: what an application can have gone by"},
        {ZCV_CONTENT, {}, "content is compared, no step is taken"},
        {ZCV_PAGES, {}, "which pages changed: compared, no step is taken"},
        {ZCV_FRAG, {}, "the skb's own records have the steps; these say which pages it refers to"},
        {ZCV_FREE, names<app_write>(), ""},
        {ZCV_PAGE_WRITE, names<app_write>(), ""},
        {ZCV_VECTOR, {}, "where a payload lies: told before the submission that has the step"},
        {ZCV_UBUF_REF, {}, "what other records have steps taken for; zcv references compares"},
    };
    return all;
}

// What protocols do with data while they have it.
static std::vector<Unobserved> unobserved_of_protocols() {
    return {
        {step_name<ip_append_data_corked>(),
         "not taken: a pending datagram looks like one sent late"},
        {step_name<udp_sendmsg_foreign_ubuf>(),
         "not taken: it looks like a drop and a failed send"},
        {step_name<udp_push_pending_frames>(), "not taken: other writers of a socket are not seen"},
        {step_name<udp_flush_pending_frames>(), "not taken: a closed socket is not told of"},
        {step_name<tcp_send_syn_data>(), "not taken: copied data is like that of tcp_sendmsg_copy"},
        {step_name<tcp_send_syn_data_fallback>(),
         "not taken: streams are connected when first seen"},
        {step_name<skb_zerocopy_iter_stream_unfilled>(),
         "not taken: a chain is told from the skb that the data is in"},
        {step_name<skb_zerocopy_iter_stream_behind_copy>(),
         "not taken: other writers of a socket are not seen, the skb looks like a fresh one"},
        {step_name<tcp_remove_empty_skb>(),
         "a failed send whose notification says that its data was not copied"},
        {step_name<tcp_sendmsg_plain>(), "not taken: other writers of a socket are not seen"},
        {step_name<tcp_downgrade_zcopy_pure>(),
         "not taken: other writers of a socket are not seen"},
        {step_name<tcp_mark_push>(),
         "not taken: what follows goes into a fresh skb, which is seen"},
        {step_name<tcp_mtu_probe>(), "an skb of TCP's that is freed before it was acknowledged"},
        {step_name<skb_shift>(), "not taken: only data without a ubuf is shifted"},
        {step_name<tcp_retransmit_skb_unclone>(),
         "not taken: a clone whose device orphaned it is not told from one that is gone"},
        {step_name<device_reset>(), "not taken: each skb's own release is seen"},
        {step_name<tcp_sacktag_one>(), "not taken: it moves no reference"},
        {step_name<tcp_timeout_mark_lost>(), "not taken: it moves no reference"},
        {step_name<tcp_trim_head>(), "not taken: page references are not recorded"},
        {step_name<tcp_shutdown>(), "not taken: it moves no reference"},
        {step_name<tcp_disconnect>(), "not taken: a purged queue looks like a reset by the peer"},
        {step_name<tcp_write_err>(), "not taken: a purged queue looks like a reset by the peer"},
    };
}

static std::vector<Unobserved> unobserved_of_requests() {
    return {
        {step_name<app_submit>(), "the request's preparation: an SQE is shared memory"},
        {step_name<app_reap>(), "taken as early as it can be: the CQ ring is shared memory"},
        {step_name<io_cqring_overflow_flush>(), "taken as early as it can be"},
        {step_name<io_req_tw_fail_links>(), "a CQE of -ECANCELED without F_MORE"},
        {step_name<ip_append_data>(), "the first record of the datagram's skb"},
        {step_name<ip_append_data_copy>(), "a completed send that no skb ever carried"},
        {step_name<tcp_sendmsg_copy>(), "a completed send that no skb ever carried"},
        {step_name<ip_send_skb>(), "the first record of the datagram's skb"},
        {step_name<ip_flush_pending_frames>(), "a failed send"},
        {step_name<io_send_zc_success>(), "the request's CQE"},
        {step_name<io_send_zc_failure>(), "the request's CQE"},
        {step_name<io_send_zc_unsupported>(), "a CQE of EOPNOTSUPP, of a send that no skb carried"},
        {step_name<io_sendrecv_fail>(), "the request's CQE"},
        {step_name<io_notif_flush>(), "the request's CQE, and the count read there"},
        {step_name<io_send_zc_cleanup>(), "the notification"},
        {step_name<io_notif_tw_complete>(), "the notification of the chain's head"},
        {step_name<ifb_xmit>(), "not taken: a sink looks like a device that read the data"},
        {step_name<device_dma>(), "the skb being consumed, or its data acknowledged"},
        {step_name<pskb_expand_head>(), "the zero-copy flag gone from an skb that shares its data"},
        {step_name<skb_copy_ubufs>(), "the zero-copy flag gone, or ZC_COPIED in the notification"},
        // No kernel that can be captured has tx contexts or slots.
        {step_name<io_sendzc_prep>(), "not taken: slots were removed before 6.0 was released"},
        {step_name<io_sendzc>(), "not taken: slots were removed before 6.0 was released"},
        {step_name<io_sendzc_again>(), "not taken: slots were removed before 6.0 was released"},
        {step_name<io_sendzc_success>(), "not taken: slots were removed before 6.0 was released"},
        {step_name<io_sendzc_failure>(), "not taken: slots were removed before 6.0 was released"},
        {step_name<io_sendzc_refused>(), "not taken: slots were removed before 6.0 was released"},
        {step_name<io_notif_update>(), "not taken: slots were removed before 6.0 was released"},
        {step_name<io_notif_unregister>(), "not taken: slots were removed before 6.0 was released"},
        {step_name<io_notif_complete_tw>(), "not taken: replaced by io_notif_tw_complete in 6.0"},
        {step_name<io_sendzc_worker>(), "not taken: tx contexts were never merged"},
        {step_name<io_zc_tx_work_callback>(), "not taken: tx contexts were never merged"},
        {step_name<io_ctx_quiesce>(), "not taken: tx contexts were never merged"},
        {step_name<io_ring_ctx_ref_free>(), "not taken: tx contexts were never merged"},
        {step_name<io_send>(),
         "not taken: a plain send lends no memory, nothing is recorded of it"},
        {step_name<app_fill_tx_ring>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<app_reuses_frame>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<app_reap_frame>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<xsk_generic_xmit>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<xsk_tx_peek_desc>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<xskq_cons_read_desc>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<xsk_device_dma>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<xsk_tx_completed>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<app_fill_fill_ring>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<xsk_rcv>(), "not taken: AF_XDP rings are not recorded"},
        {step_name<app_read_rx_ring>(), "not taken: AF_XDP rings are not recorded"},
    };
}

static std::vector<Unobserved> unobserved_of_what_follows() {
    constexpr std::string_view not_followed =
        "not taken: replay does not follow the table of registered buffers";
    constexpr std::string_view ends_unseen =
        "not taken: in a replay a process goes on where the records of its sends do";
    return {
        {step_name<app_link>(), "not taken: a link shows only in when its members start"},
        {step_name<app_drain>(), "not taken: a drain shows only in when the request starts"},
        {step_name<app_reuse_descriptor>(), "not taken: only the application knows of it"},
        {step_name<app_drop>(), "not taken: only the application knows of it"},
        {step_name<app_enter>(), "not taken: a replay lets task work run whenever it did"},
        {step_name<io_cqring_wait_schedule>(), "not taken: nor does it ask whether it slept"},
        {step_name<io_cqring_wait>(), "not taken: nor does it ask whether it slept"},
        {step_name<io_poll_wake>(), "not taken: the retry itself is what shows"},
        {step_name<io_async_cancel>(), "not taken: the target's CQE shows as a failed send's"},
        {step_name<io_req_task_link_timeout>(), "not taken: shows as a failed send's CQE"},
        {step_name<io_cqring_event_overflow>(), "not taken: a lost CQE leaves no record yet"},
        {step_name<app_misreads_overflow>(), "not taken: only the application knows of it"},
        {step_name<io_sqe_buffers_register>(), not_followed},
        {step_name<io_sqe_buffers_unregister>(), not_followed},
        {step_name<io_sqe_buffers_update>(), not_followed},
        {step_name<io_rsrc_ref_quiesce>(), not_followed},
        {step_name<io_send_zc_import>(), "not taken: a failed send, whatever it failed of"},
        {step_name<io_uring_release>(), ends_unseen},
        {step_name<io_ring_ctx_free>(), ends_unseen},
        {step_name<io_uring_try_cancel_requests>(), ends_unseen},
        {step_name<io_uring_cancel_generic>(), ends_unseen},
        {step_name<io_fallback_req_func>(), ends_unseen},
        {step_name<do_exit>(), ends_unseen},
        {step_name<begin_new_exec>(), ends_unseen},
        {step_name<app_free>(), "not taken: what an application believes is not in a trace"},
        {step_name<pskb_carve>(), "not taken: no record tells a carved clone from an expanded one"},
        {step_name<pskb_copy_fclone>(),
         "not taken: a copy has a head of its own, and its first record is taken for a segment"},
        {step_name<skb_copy_ubufs_failure>(), "not taken: a drop on receive looks the same"},
        {step_name<skb_tstamp_tx>(),
         "not taken: the clone for the error queue is taken for one that a packet socket got"},
        {step_name<skb_tx_error>(), "not taken: a drop looks the same"},
        {step_name<deliver_skb>(),
         "not taken: only data without a ubuf is delivered so, and that is not watched"},
        {step_name<skb_gro_receive>(),
         "not taken: only skbs without a ubuf are joined, and those are not watched"},
        {step_name<tun_net_xmit>(),
         "not taken: a copy on receive looks the same, the flag is gone from an skb on its way"},
        {step_name<esp_input>(),
         "not taken: only data without a ubuf gets there, and that is not watched"},
        {step_name<virtio_transport_alloc_skb>(),
         "not taken: sockets of this family are not watched"},
        {step_name<virtio_transport_send_pkt_info>(),
         "not taken: sockets of this family are not watched"},
        {step_name<virtio_transport_fill_skb>(),
         "not taken: sockets of this family are not watched"},
        {step_name<app_splice>(), "not taken: spliced pages have no ubuf, and are not watched"},
    };
}

template <class... Step>
static std::vector<std::string_view> names_of(StepList<Step...>) {
    return names<Step...>();
}

const std::vector<std::string_view>& all_steps() {
    static const std::vector<std::string_view> all = names_of(Steps{});
    return all;
}

const std::vector<Unobserved>& unobserved_steps() {
    static const std::vector<Unobserved> all = [] {
        std::vector<Unobserved> list = unobserved_of_requests();
        for (const auto& more : {unobserved_of_protocols(), unobserved_of_what_follows()})
            list.insert(list.end(), more.begin(), more.end());
        add_calls(list);
        return list;
    }();
    return all;
}

}  // namespace zcv
