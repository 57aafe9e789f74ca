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
               dev_queue_xmit, dev_forward_skb>(),
         ""},
        {ZCV_DEV_XMIT, names<dev_hard_start_xmit, skb_segment>(), ""},
        {ZCV_RX, names<netif_receive_skb_core>(), ""},
        {ZCV_SKB_CONSUME, names<consume_skb, dev_queue_xmit_nit>(), ""},
        {ZCV_SKB_DROP, names<kfree_skb_reason>(), ""},
        {ZCV_HEAD_FREE, names<consume_skb, tcp_clean_rtx_queue, tcp_write_queue_purge>(), ""},
        {ZCV_FORK, {}, "who is watched"},
        {ZCV_EXEC, {}, "who is watched"},
        {ZCV_EXIT, {}, "who is watched: what it sent goes on without it"},
        {ZCV_RING_CREATE, {}, "a new object: the address means another ring from here on"},
        {ZCV_WRITE, names<app_write>(), ""},
        {ZCV_REGISTER, {}, "registered buffers are not modelled yet"},
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
         "not taken: it moves no reference, only what is reported"},
        {step_name<tcp_sendmsg_plain>(), "not taken: other writers of a socket are not seen"},
        {step_name<tcp_downgrade_zcopy_pure>(),
         "not taken: other writers of a socket are not seen"},
        {step_name<tcp_mark_push>(),
         "not taken: what follows goes into a fresh skb, which is seen"},
        {step_name<tcp_mtu_probe>(), "not taken: an MTU probe is not told from other skbs yet"},
        {step_name<skb_shift>(), "not taken: only data without a ubuf is shifted"},
        {step_name<tcp_retransmit_skb_unclone>(),
         "not taken: a clone whose device orphaned it is not told from one that is gone"},
        {step_name<device_reset>(), "not taken: each skb's own release is seen"},
        {step_name<skb_orphan_frags_rx_failure>(), "not taken: the skb's drop is seen"},
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
    };
}

const std::vector<Unobserved>& unobserved_steps() {
    static const std::vector<Unobserved> all = [] {
        std::vector<Unobserved> list = unobserved_of_requests();
        for (const Unobserved& entry : unobserved_of_protocols()) list.push_back(entry);
        return list;
    }();
    return all;
}

}  // namespace zcv
