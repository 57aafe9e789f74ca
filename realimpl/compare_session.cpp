#include "realimpl/compare_session.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "realimpl/compare_dpdk.hpp"
#include "realimpl/drive_socket.hpp"

namespace zcv::compare {

// A place's processes, which end with this object.
class Worker {
  public:
    Worker(Bench bench, const drive::SignalsHeld& signals)
        : bench_(std::move(bench)), board_(drive::shared_board()) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
            drive::throw_errno("get a pair of sockets");
        pid_ = drive::start_child(*board_, signals, [&] {
            ::close(ends[0]);
            if (is_null(bench_.place)) become_dpdk(bench_, ends[1]);
            serve(bench_, *board_, signals, ends[1]);
        });
        ::close(ends[1]);
        channel_ = ends[0];
    }
    // Its receiver dies with it, and is left to us.
    ~Worker() {
        ::kill(pid_, SIGKILL);
        drive::reap(pid_);
        if (board_->receiver != 0) drive::reap(board_->receiver);
        ::close(channel_);
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    const Bench& bench() const { return bench_; }
    const drive::Board& board() const { return *board_; }
    int channel() const { return channel_; }

  private:
    Bench bench_;
    std::unique_ptr<drive::Board, drive::Unmap> board_;
    pid_t pid_ = -1;
    int channel_ = -1;
};

namespace {

constexpr int start_patience_ms = 20'000;
constexpr int slice_patience_ms = 10'000;

struct Interrupted {
    int signal;
};

// What the worker answers. Throws Interrupted when somebody asks us to stop, and Refusal when the
// worker cannot go on.
Answer answer_of(const Worker& worker, const drive::SignalsHeld& signals, int patience_ms) {
    for (int waited = 0;; waited += 50) {
        const int signal = signals.wait(0);
        if (signal > 0 && signal != SIGCHLD) throw Interrupted{signal};
        pollfd wait{worker.channel(), POLLIN, 0};
        if (::poll(&wait, 1, 50) > 0) break;
        if (waited > patience_ms)
            throw Refusal(Status::unable, fmt::format("no answer for {} ms", patience_ms));
    }
    Answer answer;
    if (::read(worker.channel(), &answer, sizeof answer) == sizeof answer) {
        if (answer.failed) throw Refusal(Status::unable, answer.remark);
        return answer;
    }
    const std::string why =
        worker.board().failed ? worker.board().failure : "its process ended without a word";
    throw Refusal(Status::unable, why);
}

std::string without_prefix(const std::string& why) {
    for (const std::string prefix : {"compare: ", "drive: "})
        if (why.starts_with(prefix)) return without_prefix(why.substr(prefix.size()));
    return why;
}

}  // namespace

Session::Session(const std::vector<Place>& places, const std::vector<clock::DataPath>& paths,
                 std::uint32_t bytes_max, std::vector<std::string>& left_out)
    : left_out_(left_out) {
    for (const Place& place : places) {
        auto worker = std::make_unique<Worker>(Bench{place, paths, bytes_max}, signals_);
        try {
            const Answer answer = answer_of(*worker, signals_, start_patience_ms);
            if (answer.remark[0] != '\0') leave_out(place, answer.remark);
            workers_.push_back(std::move(worker));
            places_.push_back(place);
        } catch (const Refusal& refusal) {
            leave_out(place, refusal.what());
        }
    }
    lost_.resize(workers_.size());
}

Session::~Session() = default;

void Session::leave_out(const Place& place, const std::string& why) {
    left_out_.push_back(place.name() + ": " + without_prefix(why));
}

double Session::run(std::vector<Turn>& turns, unsigned rounds, double seconds,
                    const Progress& progress) {
    if (turns.empty()) return 0;
    const double slices = static_cast<double>(turns.size()) * rounds;
    // An eighth of a slice goes to warming up, and as much to waiting for the last buffers.
    const double slice_ms = std::clamp(1000 * seconds / slices / 1.25, 2.0, 250.0);
    double done = 0;
    for (unsigned round = 0; round < rounds; ++round)
        for (Turn& turn : turns) {
            progress(done++ / slices);
            if (!is_lost(turn.place)) take(turn, slice_ms);
        }
    progress(1);
    return slice_ms;
}

void Session::take(Turn& turn, double slice_ms) {
    const Worker& worker = *workers_[turn.place];
    turn.order.nanoseconds = static_cast<std::int64_t>(slice_ms * 1e6);
    turn.order.batch = worker.bench().paths.at(turn.order.path).batch;
    try {
        if (::send(worker.channel(), &turn.order, sizeof turn.order, MSG_NOSIGNAL) !=
            sizeof turn.order)
            throw Refusal(Status::unable, worker.board().failure);
        turn.slices.push_back(answer_of(worker, signals_, slice_patience_ms).slice);
    } catch (const Refusal& refusal) {
        lost_[turn.place] = true;
        leave_out(worker.bench().place, refusal.what());
    }
}

void in_session(const std::vector<Place>& places, const std::vector<clock::DataPath>& paths,
                std::uint32_t bytes_max, std::vector<std::string>& left_out,
                const std::function<void(Session&)>& body) {
    int signal = 0;
    try {
        Session session(places, paths, bytes_max, left_out);
        body(session);
    } catch (const Interrupted& interrupted) {
        signal = interrupted.signal;
    }
    if (signal != 0) drive::die_of(signal);
}

}  // namespace zcv::compare
