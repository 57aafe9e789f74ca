#include "realimpl/drive_receiver.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "realimpl/drive_socket.hpp"
#include "realimpl/drive_world.hpp"

namespace zcv::drive {

namespace {

// Datagrams have nothing else to hold them back; a stream has its window.
constexpr int datagram_buffer_bytes = 32 << 20;
constexpr int stream_buffer_bytes = 4 << 20;

Socket listening_socket(const Plan& plan, Board& board) {
    Socket socket(plan.options.ipv6 ? AF_INET6 : AF_INET,
                  plan.protocol == Protocol::udp ? SOCK_DGRAM : SOCK_STREAM);
    const bool stream = plan.protocol == Protocol::tcp;
    if (plan.options.rcvbuf != 0)
        socket.set_buffer(SO_RCVBUF, plan.options.rcvbuf);
    else
        socket.grow_buffer(SO_RCVBUFFORCE, SO_RCVBUF,
                           stream ? stream_buffer_bytes : datagram_buffer_bytes);
    board.receive_buffer = static_cast<std::uint64_t>(socket.option(SO_RCVBUF));

    const sockaddr_storage wish = address_of(plan, 0);
    if (::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&wish), address_size(plan)) != 0)
        throw_errno("bind the receiver");
    if (stream && ::listen(socket.fd(), 1) != 0) throw_errno("listen");

    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
        throw_errno("getsockname");
    board.port = plan.options.ipv6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(bound).sin6_port)
                                   : ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
    return socket;
}

bool readable(const Socket& socket, int timeout_ms) {
    pollfd wait{socket.fd(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, timeout_ms);
    if (ready < 0 && errno != EINTR) throw_errno("poll the receiver");
    return ready > 0;
}

// Once, half-way: it stops reading, and the data piles up.
class Pause {
  public:
    explicit Pause(const Plan& plan) : at_(plan.event_at), ms_(plan.options.pause_ms) {}
    void take(std::uint64_t messages) {
        if (ms_ == 0 || messages < at_) return;
        ::usleep(static_cast<useconds_t>(ms_ * 1000));
        ms_ = 0;
    }

  private:
    std::uint64_t at_;
    std::uint64_t ms_;
};

// Everything that was sent has left the devices once the sender has its last notification, so a
// short silence after that is the end; before that, silence means nothing.
void receive_datagrams(const Plan& plan, Board& board, const Socket& socket) {
    DatagramJudge judge(plan.options.seed, plan.options.sends, plan.sizes);
    Pause pause(plan);
    std::vector<std::byte> buffer(65536);
    for (;;) {
        const bool all_sent = board.stage.load() >= Stage::all_sent;
        const std::uint64_t sends = all_sent ? board.accepted.load() : plan.options.sends;
        if (judge.messages() >= sends) break;
        if (!readable(socket, all_sent ? 500 : 50)) {
            if (all_sent) break;
            continue;
        }
        const ssize_t n = ::recv(socket.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) continue;  // dropped by its checksum after poll saw it
        if (n < 0) throw_errno("receive a datagram");
        judge.take({buffer.data(), static_cast<std::size_t>(n)});
        board.received = judge.messages();
        pause.take(judge.messages());
    }
    // The last datagram can be here before its sender has said how many there were.
    await(board, Stage::all_sent, 0);
    judge.end_at(board.accepted);
    board.tally = judge.tally();
}

void reset(const Socket& connection) {
    const linger now{1, 0};
    ::setsockopt(connection.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void receive_stream(const Plan& plan, Board& board, const Socket& listener) {
    const Socket connection(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.fd() < 0) throw_errno("accept");
    if (plan.options.tls) connection.use_tls(TlsSide::receiver);
    StreamJudge judge(plan.options.seed, plan.sizes);
    Pause pause(plan);
    std::vector<std::byte> buffer(1 << 20);
    for (;;) {
        const ssize_t n = ::recv(connection.fd(), buffer.data(), buffer.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_errno("receive from the stream");
        if (n == 0) break;
        judge.take({buffer.data(), static_cast<std::size_t>(n)});
        board.received = judge.tally().messages;
        if (plan.event == Event::peer_reset && board.received >= plan.event_at) {
            reset(connection);
            break;
        }
        pause.take(board.received);
        // A notification waits for the acknowledgement, which the kernel would delay by 40 ms.
        const int now = 1;
        ::setsockopt(connection.fd(), IPPROTO_TCP, TCP_QUICKACK, &now, sizeof now);
    }
    judge.finish();
    board.tally = judge.tally();
}

}  // namespace

Socket open_receiver(const Plan& plan, Board& board) {
    enter_peer(plan);
    board.stage = Stage::peer_isolated;
    await(board, Stage::link_made, 0);
    make_peer_end(plan, board);
    Socket socket = listening_socket(plan, board);
    board.stage = Stage::listening;
    return socket;
}

void receive_all(const Plan& plan, Board& board) {
    const Socket socket = open_receiver(plan, board);
    if (plan.protocol == Protocol::udp)
        receive_datagrams(plan, board, socket);
    else
        receive_stream(plan, board, socket);
}

}  // namespace zcv::drive
