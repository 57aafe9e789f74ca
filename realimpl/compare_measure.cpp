#include "realimpl/compare_measure.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cmath>

namespace zcv::compare {

namespace {

// Of a short slice on a busy machine nothing may be left.
double over(double a, double b) {
    return b > 0 ? a / b : 0;
}

Measured measured_of(const Turn& cell, const Turn& baseline, const Place& place,
                     const clock::DataPath& path) {
    Measured row;
    row.place = place;
    row.path = path;
    row.bytes = cell.order.bytes;
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
    row.megabytes = row.rate.median * cell.order.bytes / 1e6;
    row.seconds_per_megabyte = row.processor.median / cell.order.bytes;
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

}  // namespace

std::string kernel_release() {
    utsname name{};
    return ::uname(&name) == 0 ? name.release : "";
}

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

std::vector<Turn> turns_of(const MeasureOptions& options, const std::vector<clock::DataPath>& paths,
                           std::size_t places) {
    std::vector<Turn> turns;
    for (std::size_t place = 0; place < places; ++place)
        for (const std::uint32_t bytes : options.sizes)
            for (std::uint32_t path = 0; path < paths.size(); ++path)
                turns.push_back({place, {path, bytes}});
    return turns;
}

std::vector<Measured> measured_of(const std::vector<Turn>& turns, const Session& session,
                                  const std::vector<clock::DataPath>& paths) {
    std::vector<Measured> rows;
    for (const Turn& turn : turns) {
        if (session.is_lost(turn.place) || turn.order.primitive != Primitive::none) continue;
        const auto baseline = std::ranges::find_if(turns, [&](const Turn& each) {
            return each.place == turn.place && each.order.bytes == turn.order.bytes &&
                   each.order.primitive == Primitive::none &&
                   paths[each.order.path] == clock::DataPath{clock::Way::msg_zerocopy};
        });
        // What only a calibration asked for has none.
        if (baseline != turns.end())
            rows.push_back(
                measured_of(turn, *baseline, session.places()[turn.place], paths[turn.order.path]));
    }
    return rows;
}

Measurement measure(const MeasureOptions& options, const Progress& progress) {
    Measurement result;
    result.kernel = kernel_release();
    result.rounds = options.rounds;
    const auto paths = compared_paths(options.batches);
    in_session(options.places, paths, std::ranges::max(options.sizes), result.left_out,
               [&](Session& session) {
                   auto turns = turns_of(options, paths, session.places().size());
                   result.slice_ms = session.run(turns, options.rounds, options.seconds, progress);
                   result.cells = measured_of(turns, session, paths);
               });
    return result;
}

}  // namespace zcv::compare
