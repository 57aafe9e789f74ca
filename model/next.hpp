#pragma once

#include "model/kernel/drivers/net/ifb.hpp"
#include "model/kernel/drivers/net/tun.hpp"
#include "model/kernel/drivers/vhost/net.hpp"
#include "model/kernel/fs/exec.hpp"
#include "model/kernel/io_uring/cancel.hpp"
#include "model/kernel/io_uring/exit_work.hpp"
#include "model/kernel/io_uring/io_uring.hpp"
#include "model/kernel/io_uring/net.hpp"
#include "model/kernel/io_uring/notif.hpp"
#include "model/kernel/io_uring/poll.hpp"
#include "model/kernel/io_uring/rsrc.hpp"
#include "model/kernel/io_uring/timeout.hpp"
#include "model/kernel/kernel/exit.hpp"
#include "model/kernel/net/core/dev.hpp"
#include "model/kernel/net/core/gro.hpp"
#include "model/kernel/net/core/msg_zerocopy.hpp"
#include "model/kernel/net/core/skbuff.hpp"
#include "model/kernel/net/ipv4/esp4.hpp"
#include "model/kernel/net/ipv4/ip_output.hpp"
#include "model/kernel/net/ipv4/tcp.hpp"
#include "model/kernel/net/ipv4/tcp_input.hpp"
#include "model/kernel/net/ipv4/tcp_output.hpp"
#include "model/kernel/net/ipv4/tcp_timer.hpp"
#include "model/kernel/net/ipv4/udp.hpp"
#include "model/kernel/net/packet/af_packet.hpp"
#include "model/kernel/net/rds/message.hpp"
#include "model/kernel/net/sched/act_mirred.hpp"
#include "model/kernel/net/vmw_vsock/virtio_transport_common.hpp"
#include "model/kernel/net/xdp/xsk.hpp"
#include "model/kernel/rfc-v1/fs/io_uring.hpp"
#include "model/kernel/v6.0-rc/io_uring/net.hpp"
#include "model/kernel/v6.0-rc/io_uring/notif.hpp"
#include "model/kernel/v6.0-rc/io_uring/rsrc.hpp"
#include "model/world/application.hpp"
#include "model/world/call.hpp"
#include "model/world/device.hpp"
#include "model/world/splice.hpp"
#include "model/world/xdp.hpp"

// The table of contents: every step, in the order a send lives through them. Breadth-first search
// takes them in this order, so among equally short counterexamples the first listed step wins.
namespace zcv {

template <class... Step>
struct StepList {
    static constexpr std::size_t size = sizeof...(Step);
};

using Steps = StepList<
    // The application hands a request in, the kernel prepares it.
    kernel::io_sqe_buffers_register, world::app_write, world::app_submit, world::app_link,
    world::app_drain, world::app_reuse_descriptor, kernel::io_send_zc_prep,
    kernel::io_send_zc_prep_early_failure, kernel::io_send_zc_prep_late_failure,
    kernel::io_req_tw_fail_links, kernel::io_send_zc_issue, kernel::io_send_zc_unsupported,
    kernel::io_send_zc_import, kernel::io_wq_submit_work,
    // Or it calls sendmsg, which takes an id.
    world::app_sendmsg, kernel::msg_zerocopy_alloc, kernel::msg_zerocopy_realloc,
    kernel::msg_zerocopy_realloc_refused, kernel::sock_omalloc_refused,
    kernel::mm_account_pinned_pages_refused, kernel::ip_generic_getfrag,
    kernel::tcp_sendmsg_not_asked,
    // Or the call is another provider's.
    kernel::msg_zerocopy_alloc_given, kernel::handle_tx_zerocopy, kernel::tun_get_user,
    kernel::tun_get_user_fault, kernel::tun_get_user_down, kernel::handle_tx_zerocopy_failure,
    kernel::tpacket_snd, kernel::rds_message_zcopy_from_user,
    kernel::rds_message_zcopy_from_user_fault, kernel::rds_message_purge,
    // ... of other designs: a plain send, a send to a slot, a frame on a ring.
    kernel::io_send, kernel::io_sendzc_prep, kernel::io_sendzc, kernel::io_sendzc_worker,
    kernel::io_sendzc_refused, world::app_fill_tx_ring, kernel::xsk_generic_xmit,
    kernel::xsk_tx_peek_desc, kernel::xskq_cons_read_desc, world::app_reuses_frame,
    world::app_fill_fill_ring, kernel::xsk_rcv, world::app_read_rx_ring,
    // sendmsg refers to its pages.
    kernel::ip_append_data, kernel::ip_append_data_copy, kernel::ip_append_data_attach,
    kernel::ip_append_data_attach_fragment, kernel::ip_send_skb, kernel::ip_flush_pending_frames,
    kernel::ip_append_data_corked, kernel::udp_sendmsg_foreign_ubuf,
    kernel::udp_push_pending_frames, kernel::udp_flush_pending_frames, kernel::tcp_send_syn_data,
    kernel::tcp_send_syn_data_fallback, kernel::io_link_skb,
    kernel::skb_zerocopy_iter_stream_unfilled, kernel::skb_zerocopy_iter_stream_behind_copy,
    kernel::skb_zerocopy_iter_stream, kernel::skb_zerocopy_iter_stream_tail,
    kernel::tcp_remove_empty_skb, kernel::tcp_sendmsg_copy, kernel::tcp_sendmsg_plain,
    kernel::tcp_downgrade_zcopy_pure, kernel::tcp_mark_push, kernel::virtio_transport_alloc_skb,
    kernel::virtio_transport_send_pkt_info, kernel::virtio_transport_fill_skb, world::app_splice,
    kernel::io_arm_poll_handler, kernel::io_poll_wake, kernel::io_async_cancel,
    kernel::io_req_task_link_timeout, kernel::io_send_zc_success, kernel::io_send_zc_failure,
    kernel::io_sendzc_again, kernel::io_sendzc_success, kernel::io_sendzc_failure,
    // The call returns.
    kernel::msg_zerocopy_put_abort, kernel::tcp_sendmsg, kernel::udp_sendmsg,
    kernel::sock_sendmsg_failure, world::app_sendmsg_returns,
    // The request completes.
    kernel::io_notif_flush, kernel::io_sendrecv_fail, kernel::io_req_complete_post,
    kernel::io_submit_flush_completions, kernel::io_send_zc_cleanup, kernel::io_notif_update,
    kernel::io_notif_unregister, kernel::io_ctx_quiesce, kernel::io_ring_ctx_ref_free,
    // The data leaves.
    kernel::tcp_mtu_probe, kernel::tcp_fragment, kernel::skb_shift, kernel::tcp_write_xmit,
    kernel::tcp_transmit_skb_refused, kernel::tcp_retransmit_skb,
    kernel::tcp_retransmit_skb_unclone, kernel::dev_queue_xmit, kernel::skb_segment,
    kernel::skb_segment_linear, kernel::dev_hard_start_xmit, kernel::ifb_xmit, kernel::tun_net_xmit,
    world::device_dma, world::xsk_device_dma, world::device_reset, kernel::dev_queue_xmit_nit,
    kernel::tcf_mirred_to_dev, kernel::skb_tstamp_tx, kernel::pskb_copy_fclone,
    kernel::dev_forward_skb, kernel::skb_gro_receive, kernel::netif_receive_skb_core,
    kernel::pskb_carve, kernel::esp_input, kernel::pskb_expand_head, kernel::skb_copy_ubufs,
    kernel::skb_copy_ubufs_failure, kernel::deliver_skb, kernel::skb_tx_error,
    // The references go.
    kernel::consume_skb, kernel::kfree_skb_reason, kernel::tcp_sacktag_one,
    kernel::tcp_timeout_mark_lost, kernel::tcp_trim_head, kernel::tcp_clean_rtx_queue,
    kernel::tcp_write_queue_purge, kernel::tcp_shutdown, kernel::tcp_disconnect,
    kernel::tcp_write_err,
    // The application is told.
    world::app_enter, kernel::io_cqring_wait_schedule, kernel::io_cqring_wait,
    kernel::io_notif_tw_complete, kernel::io_notif_complete_tw, kernel::io_zc_tx_work_callback,
    kernel::xsk_tx_completed, kernel::io_cqring_event_overflow, kernel::io_cqring_overflow_flush,
    world::app_reap, world::app_reap_frame, world::app_read_errqueue,
    kernel::vhost_zerocopy_signal_used, world::app_sees_release, world::app_drop,
    world::app_misreads_overflow,
    // Things end.
    kernel::io_sqe_buffers_update, kernel::io_sqe_buffers_unregister, kernel::io_rsrc_ref_quiesce,
    kernel::io_uring_release, kernel::do_exit, kernel::begin_new_exec,
    kernel::io_uring_cancel_generic, kernel::io_uring_try_cancel_requests,
    kernel::io_fallback_req_func, kernel::io_ring_ctx_free, world::app_free,

    // A socket or a device is closed.
    world::app_close, kernel::vhost_net_ubuf_put_and_wait, kernel::vhost_net_ubuf_wake,
    kernel::vhost_net_ubuf_put_wait_and_free>;

}  // namespace zcv
