#include "realimpl/drive_ring.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "model/ensure.hpp"
#include "realimpl/drive_socket.hpp"
#include "realimpl/uapi.hpp"
#include "traces/uapi.hpp"

namespace zcv::drive {

namespace {

// What a CQE's user_data says beside the name of a send.
constexpr std::uint64_t cancel_mark = std::uint64_t{1} << 62;
constexpr std::uint64_t timeout_mark = std::uint64_t{1} << 63;

unsigned ring_flags(const Options& options) {
    unsigned flags = IORING_SETUP_CQSIZE;
    if (options.defer_taskrun) flags |= IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER;
    if (options.sqpoll) flags |= IORING_SETUP_SQPOLL;
    return flags;
}

// An address that no process has mapped.
const void* const nowhere = reinterpret_cast<const void*>(std::uintptr_t{4096});

Said said_by(const io_uring_cqe& cqe) {
    Said said;
    said.name = cqe.user_data & ~(cancel_mark | timeout_mark);
    said.result = cqe.res;
    if ((cqe.user_data & cancel_mark) != 0) {
        said.what = Said::What::cancelled;
    } else if ((cqe.user_data & timeout_mark) != 0) {
        said.what = Said::What::timed_out;
    } else if ((cqe.flags & IORING_CQE_F_NOTIF) != 0) {
        said.what = Said::What::notification;
        said.copied = (static_cast<std::uint32_t>(cqe.res) & uapi::notif_usage_zc_copied) != 0;
    } else {
        // Only F_MORE says whether a notification follows; neither the result nor the opcode does.
        said.more = (cqe.flags & IORING_CQE_F_MORE) != 0;
    }
    return said;
}

}  // namespace

Ring::Ring(const Plan& plan, SenderCounts& counts, RingSockets sockets, std::vector<iovec> buffers,
           std::uint64_t in_flight)
    : plan_(plan),
      options_(plan.options),
      counts_(counts),
      sockets_(sockets),
      buffers_(std::move(buffers)),
      in_flight_(in_flight),
      messages_(buffers_.size()) {
    Ring::open();
}

Ring::~Ring() {
    Ring::close();
}

void Ring::close() {
    if (is_open_) ::io_uring_queue_exit(&ring_);
    is_open_ = false;
}

void Ring::open() {
    io_uring_params params{};
    params.flags = ring_flags(options_);
    params.sq_thread_idle = 50;
    // Two CQEs a request; a smaller ring overflows, which is survivable but slow.
    params.cq_entries =
        static_cast<unsigned>(options_.cq_entries != 0 ? options_.cq_entries : 2 * in_flight_);
    // A chain with all that belongs to it must fit, or it is cut in two.
    const std::uint64_t each = 1U + options_.tail_copy + options_.decoys;
    const std::uint64_t beside =
        (plan_.fault != Fault::none ? 1U : 0U) + (plan_.event == Event::link_timeout ? 1U : 0U);
    const auto entries =
        std::min(static_cast<unsigned>(options_.batch * each + beside), params.cq_entries);
    const int rc = ::io_uring_queue_init_params(entries, &ring_, &params);
    if (rc < 0) throw_errno("open an io_uring with these options", -rc);
    is_open_ = true;
    if (options_.fixed) Ring::register_buffers();
}

void Ring::register_buffers() {
    const int rc = ::io_uring_register_buffers(&ring_, buffers_.data(),
                                               static_cast<unsigned>(buffers_.size()));
    if (rc < 0) throw_errno("register the buffers (more may be allowed with ulimit -l)", -rc);
}

void Ring::unregister_buffers() {
    const int rc = ::io_uring_unregister_buffers(&ring_);
    if (rc < 0) throw_errno("unregister the buffers", -rc);
}

// A submission thread may lag behind.
io_uring_sqe* Ring::next_sqe() {
    io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
        ::io_uring_submit(&ring_);
        if (options_.sqpoll) ::io_uring_sqring_wait(&ring_);
        sqe = ::io_uring_get_sqe(&ring_);
    }
    return sqe;
}

void Ring::prepare_message(io_uring_sqe* sqe, const Send& send, unsigned usage) {
    // MISUSE A16: one header for all, filled again before the kernel has read it.
    Message& message = messages_[plan_.misuse == Misuse::msghdr_reuse ? 0 : send.buffer];
    message.parts = parts_of(send.bytes, options_.vectors);
    message.header.msg_iov = message.parts.data();
    message.header.msg_iovlen = message.parts.size();
    ::io_uring_prep_sendmsg_zc(sqe, sockets_.messages, &message.header,
                               static_cast<unsigned>(send.flags));
    if (options_.fixed) {
        usage |= IORING_RECVSEND_FIXED_BUF;
        sqe->buf_index = static_cast<std::uint16_t>(send.buffer);
    }
    sqe->ioprio = static_cast<std::uint16_t>(usage);
}

void Ring::prepare(io_uring_sqe* sqe, const Send& send) {
    const bool zero_copy = is_zero_copy(plan_.api) && !send.copying;
    unsigned usage = options_.poll_first ? IORING_RECVSEND_POLL_FIRST : 0;
    if (zero_copy && options_.report_usage) usage |= uapi::send_zc_report_usage;
    const int fd = send.decoy ? sockets_.decoys : sockets_.messages;
    const std::span<std::byte> bytes = send.bytes;
    if (!zero_copy) {
        ::io_uring_prep_send(sqe, fd, bytes.data(), bytes.size(), send.flags);
        sqe->ioprio = static_cast<std::uint16_t>(usage);
    } else if (send.fault == Fault::address) {
        ::io_uring_prep_send_zc(sqe, fd, nowhere, 4096, send.flags, usage);
    } else if (plan_.api == Api::sendmsg_zc && !send.decoy) {
        prepare_message(sqe, send, usage);
    } else if (options_.fixed && !send.decoy) {
        ::io_uring_prep_send_zc_fixed(sqe, fd, bytes.data(), bytes.size(), send.flags, usage,
                                      static_cast<unsigned>(send.buffer));
    } else {
        ::io_uring_prep_send_zc(sqe, fd, bytes.data(), bytes.size(), send.flags, usage);
    }
    if (send.fault == Fault::address && !zero_copy)
        sqe->addr = reinterpret_cast<std::uintptr_t>(nowhere);
    if (send.fault == Fault::descriptor) sqe->fd = -1;
    if (send.fault == Fault::skip_success) sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void Ring::queue(const Send& send) {
    io_uring_sqe* const sqe = next_sqe();
    prepare(sqe, send);
    if (send.linked) sqe->flags |= IOSQE_IO_LINK;
    if (options_.async) sqe->flags |= IOSQE_ASYNC;
    if (options_.drain) sqe->flags |= IOSQE_IO_DRAIN;
    ::io_uring_sqe_set_data64(sqe, send.name);
}

void Ring::queue_link_timeout(std::uint64_t name) {
    io_uring_sqe* const sqe = next_sqe();
    ::io_uring_prep_link_timeout(sqe, &link_timeout_, 0);
    ::io_uring_sqe_set_data64(sqe, name | timeout_mark);
}

void Ring::cancel(const std::vector<std::uint64_t>& names) {
    for (const std::uint64_t name : names) {
        io_uring_sqe* const sqe = next_sqe();
        ::io_uring_prep_cancel64(sqe, name, 0);
        ::io_uring_sqe_set_data64(sqe, name | cancel_mark);
    }
    ::io_uring_submit(&ring_);
}

bool Ring::submit_and_wait(std::chrono::microseconds patience) {
    if (plan_.misuse == Misuse::peek_only) {
        // MISUSE B9: what task work has yet to post is never seen from here.
        ::io_uring_submit(&ring_);
        ::usleep(1000);
        return ::io_uring_cq_ready(&ring_) != 0;
    }
    __kernel_timespec timeout{0, patience.count() * 1000};
    io_uring_cqe* first = nullptr;
    ++system_calls_;
    const int rc = ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
    if (rc < 0 && rc != -ETIME && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
        throw_errno("wait for completions", -rc);
    return rc != -ETIME;
}

void Ring::take(std::vector<Said>& said) {
    overflowed_ = (::io_uring_smp_load_acquire(ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
    if (overflowed_) {
        ++counts_.overflows;
        ++system_calls_;
        ::io_uring_get_events(&ring_);
    }
    unsigned head = 0;
    unsigned taken = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
        said.push_back(said_by(*cqe));
        ++taken;
    }
    ::io_uring_cq_advance(&ring_, taken);
    if (*ring_.cq.koverflow != 0)
        throw Refusal(Status::unable,
                      "drive: the kernel dropped CQEs for lack of memory: use fewer --buffers");
}

void check_kernel(const Plan& plan) {
    if (!is_ring(plan.api)) return;
    io_uring ring{};
    const int rc = ::io_uring_queue_init(2, &ring, 0);
    if (rc == -ENOSYS)
        throw Refusal(Status::unable,
                      "drive: no io_uring in this kernel: use one with CONFIG_IO_URING");
    if (rc == -EPERM)
        throw Refusal(Status::unable,
                      "drive: io_uring is forbidden here: sysctl kernel.io_uring_disabled=0, or "
                      "leave the container's seccomp filter");
    if (rc < 0) throw_errno("open an io_uring", -rc);
    struct Need {
        int opcode;
        const char* name;
        const char* since;
    };
    const Need need = plan.api == Api::sendmsg_zc ? Need{IORING_OP_SENDMSG_ZC, "SENDMSG_ZC", "6.1"}
                      : plan.api == Api::send_zc  ? Need{IORING_OP_SEND_ZC, "SEND_ZC", "6.0"}
                                                  : Need{IORING_OP_SEND, "SEND", "5.6"};
    io_uring_probe* const probe = ::io_uring_get_probe_ring(&ring);
    const bool known = probe != nullptr && ::io_uring_opcode_supported(probe, need.opcode) != 0;
    ::io_uring_free_probe(probe);
    ::io_uring_queue_exit(&ring);
    if (!known)
        throw Refusal(Status::unable, fmt::format("drive: this kernel has no {}: use Linux {} or "
                                                  "newer",
                                                  need.name, need.since));
}

}  // namespace zcv::drive
