#include "realimpl/compare_measure.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <memory>

#include "realimpl/compare_worker.hpp"
#include "realimpl/drive_socket.hpp"

namespace zcv::compare {

namespace {

constexpr int start_patience_ms = 20'000;
constexpr int slice_patience_ms = 10'000;

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

struct Interrupted {
    int signal;
};

// What the worker answers. Throws Interrupted when somebody asks us to stop, and Refusal when the
// worker cannot go on.
Slice answer_of(const Worker& worker, const drive::SignalsHeld& signals, int patience_ms) {
    for (int waited = 0;; waited += 50) {
        const int signal = signals.wait(0);
        if (signal > 0 && signal != SIGCHLD) throw Interrupted{signal};
        pollfd wait{worker.channel(), POLLIN, 0};
        if (::poll(&wait, 1, 50) > 0) break;
        if (waited > patience_ms)
            throw Refusal(Status::unable, fmt::format("no answer for {} ms", patience_ms));
    }
    Slice slice;
    if (::read(worker.channel(), &slice, sizeof slice) == sizeof slice) return slice;
    const std::string why =
        worker.board().failed ? worker.board().failure : "its process ended without a word";
    throw Refusal(Status::unable, why);
}

std::string without_prefix(const std::string& why) {
    for (const std::string prefix : {"compare: ", "drive: "})
        if (why.starts_with(prefix)) return without_prefix(why.substr(prefix.size()));
    return why;
}

// What the rounds of one way, place and payload gave.
struct Cell {
    std::size_t worker;
    std::uint32_t path;
    std::uint32_t bytes;
    std::vector<Slice> slices = {};
};

class Session {
  public:
    Session(const MeasureOptions& options, Measurement& result)
        : options_(options), result_(result), paths_(compared_paths(options.batches)) {}

    void run(const Progress& progress) {
        start();
        for (std::size_t w = 0; w < workers_.size(); ++w)
            for (const std::uint32_t bytes : options_.sizes)
                for (std::uint32_t path = 0; path < paths_.size(); ++path)
                    cells_.push_back({w, path, bytes});
        if (cells_.empty()) return;
        const double slices = static_cast<double>(cells_.size()) * options_.rounds;
        // An eighth of a slice goes to warming up, and as much to waiting for the last buffers.
        result_.slice_ms = std::clamp(1000 * options_.seconds / slices / 1.25, 2.0, 250.0);
        double done = 0;
        for (unsigned round = 0; round < options_.rounds; ++round)
            for (std::size_t i = 0; i < cells_.size(); ++i) {
                progress(done++ / slices);
                take(cells_[i]);
            }
        progress(1);
        for (const Cell& cell : cells_)
            if (!is_lost(cell.worker)) result_.cells.push_back(measured(cell));
    }

  private:
    void start() {
        const std::uint32_t bytes_max = std::ranges::max(options_.sizes);
        for (const Place& place : options_.places) {
            auto worker = std::make_unique<Worker>(Bench{place, paths_, bytes_max}, signals_);
            try {
                answer_of(*worker, signals_, start_patience_ms);
                workers_.push_back(std::move(worker));
            } catch (const Refusal& refusal) {
                leave_out(place, refusal.what());
            }
        }
        lost_.resize(workers_.size());
    }

    void leave_out(const Place& place, const std::string& why) {
        result_.left_out.push_back(place.name() + ": " + without_prefix(why));
    }

    bool is_lost(std::size_t worker) const { return lost_[worker]; }

    void take(Cell& cell) {
        if (is_lost(cell.worker)) return;
        const Worker& worker = *workers_[cell.worker];
        const Order order{cell.path, cell.bytes, static_cast<std::int64_t>(result_.slice_ms * 1e6)};
        try {
            if (::send(worker.channel(), &order, sizeof order, MSG_NOSIGNAL) != sizeof order)
                throw Refusal(Status::unable, worker.board().failure);
            cell.slices.push_back(answer_of(worker, signals_, slice_patience_ms));
        } catch (const Refusal& refusal) {
            lost_[cell.worker] = true;
            leave_out(worker.bench().place, refusal.what());
        }
    }

    const Cell& baseline_of(const Cell& cell) const {
        return *std::ranges::find_if(cells_, [&](const Cell& each) {
            return each.worker == cell.worker && each.bytes == cell.bytes &&
                   paths_[each.path] == clock::DataPath{clock::Way::msg_zerocopy};
        });
    }

    Measured measured(const Cell& cell) const;

    const MeasureOptions& options_;
    Measurement& result_;
    const std::vector<clock::DataPath> paths_;
    const drive::SignalsHeld signals_;
    const drive::Subreaper subreaper_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<bool> lost_;
    std::vector<Cell> cells_;
};

// Of a short slice on a busy machine nothing may be left.
double over(double a, double b) {
    return b > 0 ? a / b : 0;
}

Measured Session::measured(const Cell& cell) const {
    const Cell& baseline = baseline_of(cell);
    Measured row;
    row.place = workers_[cell.worker]->bench().place;
    row.path = paths_[cell.path];
    row.bytes = cell.bytes;
    std::vector<double> rate, processor, sender, ratio, elapsed_ratio;
    Slice all;
    for (std::size_t round = 0; round < cell.slices.size(); ++round) {
        const Slice& slice = cell.slices[round];
        const Slice& base = baseline.slices[round];
        const auto requests = static_cast<double>(slice.requests);
        const auto base_requests = static_cast<double>(base.requests);
        if (requests <= 0 || base_requests <= 0) continue;
        rate.push_back(over(requests, slice.seconds));
        processor.push_back(1e6 * (slice.processor + slice.peer_processor) / requests);
        sender.push_back(1e6 * slice.processor / requests);
        ratio.push_back(over(over(requests, slice.processor), over(base_requests, base.processor)));
        elapsed_ratio.push_back(
            over(over(requests, slice.seconds), over(base_requests, base.seconds)));
        all.requests += slice.requests;
        all.notified += slice.notified;
        all.copied += slice.copied;
        all.system_calls += slice.system_calls;
        all.failed += slice.failed;
        all.received += slice.received;
    }
    row.rate = interval_of(rate);
    row.processor = interval_of(processor);
    row.sender = interval_of(sender);
    row.ratio = interval_of(ratio);
    row.elapsed_ratio = interval_of(elapsed_ratio);
    row.megabytes = row.rate.median * cell.bytes / 1e6;
    row.seconds_per_megabyte = row.processor.median / cell.bytes;
    const auto requests = static_cast<double>(all.requests);
    row.system_calls = over(static_cast<double>(all.system_calls), requests);
    row.copied = clock::is_zero_copy(row.path.way)
                     ? over(static_cast<double>(all.copied), static_cast<double>(all.notified))
                     : 1;
    row.failed = over(static_cast<double>(all.failed), requests + static_cast<double>(all.failed));
    const bool counts = !row.place.stream && row.place.device != "ifb";
    row.received = counts ? over(static_cast<double>(all.received), requests) : 1;
    return row;
}

std::string kernel_release() {
    utsname name{};
    return ::uname(&name) == 0 ? name.release : "";
}

}  // namespace

Interval interval_of(std::vector<double> rounds) {
    if (rounds.empty()) return {};
    std::ranges::sort(rounds);
    const std::size_t n = rounds.size();
    // P(at most k of n fair coins are heads), on both sides.
    std::size_t outside = 0;
    double tail = std::pow(0.5, static_cast<double>(n));
    double term = tail;
    for (std::size_t k = 1; 2 * k < n; ++k) {
        term *= static_cast<double>(n - k + 1) / static_cast<double>(k);
        if (1 - 2 * (tail + term) < 0.9) break;
        tail += term;
        outside = k;
    }
    const double median = n % 2 == 1 ? rounds[n / 2] : (rounds[n / 2 - 1] + rounds[n / 2]) / 2;
    return {median, rounds[outside], rounds[n - 1 - outside]};
}

Measurement measure(const MeasureOptions& options, const Progress& progress) {
    Measurement result;
    result.kernel = kernel_release();
    result.rounds = options.rounds;
    int signal = 0;
    try {
        Session(options, result).run(progress);
    } catch (const Interrupted& interrupted) {
        signal = interrupted.signal;
    }
    if (signal != 0) drive::die_of(signal);
    return result;
}

}  // namespace zcv::compare
