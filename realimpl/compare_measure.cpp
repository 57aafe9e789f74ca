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
        all.arrived += slice.arrived;
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
    row.received = row.place.stream ? 1 : over(static_cast<double>(all.arrived), requests);
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
                           const std::vector<Place>& places) {
    std::vector<Turn> turns;
    for (const Place& shown : places)
        for (const std::uint32_t bytes : options.sizes)
            // Those that are shown with others have their turns right after them.
            for (std::size_t place = 0; place < places.size(); ++place)
                for (std::uint32_t path = 0; path < paths.size(); ++path)
                    if (beside(places[place]) == shown && goes(paths[path], places[place]))
                        turns.push_back({place, {path, bytes}});
    return turns;
}

std::vector<Measured> measured_of(const std::vector<Turn>& turns, const Session& session,
                                  const std::vector<clock::DataPath>& paths) {
    std::vector<Measured> rows;
    for (const Turn& turn : turns) {
        const Place& place = session.places()[turn.place];
        if (session.is_lost(turn.place) || turn.order.primitive != Primitive::none) continue;
        const auto baseline = std::ranges::find_if(turns, [&](const Turn& each) {
            return session.places()[each.place] == beside(place) &&
                   each.order.bytes == turn.order.bytes &&
                   each.order.primitive == Primitive::none && !session.is_lost(each.place) &&
                   paths[each.order.path] == clock::DataPath{clock::Way::msg_zerocopy};
        });
        // What only a calibration asked for has none.
        if (baseline == turns.end()) continue;
        const Measured row = measured_of(turn, *baseline, place, paths[turn.order.path]);
        const bool is_there = row.rate.median > 0 || !clock::is_bypass(row.path.way);
        if (is_there) rows.push_back(row);
    }
    return rows;
}

Measurement measure(const MeasureOptions& options, const Progress& progress) {
    Measurement result;
    result.kernel = kernel_release();
    result.rounds = options.rounds;
    auto paths = compared_paths(options.batches);
    const auto bypasses = bypass_paths(options.batches);
    paths.insert(paths.end(), bypasses.begin(), bypasses.end());
    in_session(options.places, paths, std::ranges::max(options.sizes), result.left_out,
               [&](Session& session) {
                   auto turns = turns_of(options, paths, session.places());
                   result.slice_ms = session.run(turns, options.rounds, options.seconds, progress);
                   result.cells = measured_of(turns, session, paths);
                   const auto& places = session.places();
                   const auto has = [&](const Place& place) {
                       return std::ranges::find(places, place) != places.end();
                   };
                   if (has(null_place()) && !has(beside(null_place())))
                       result.left_out.push_back(null_place().name() +
                                                 ": its baseline, MSG_ZEROCOPY on the ifb, is not "
                                                 "there");
               });
    return result;
}

}  // namespace zcv::compare
