#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "realimpl/compare_session.hpp"

namespace zcv::compare {

struct MeasureOptions {
    std::vector<Place> places;
    std::vector<unsigned> batches{1, 8};
    std::vector<std::uint32_t> sizes{600, 4096, 16384, 65435};
    double seconds = 60;  // of measuring, all in all
    unsigned rounds = 7;
};

// The median of the rounds, and an interval that has it with a probability of at least 90 %,
// whatever the distribution: order statistics. With fewer than five rounds it is all there is.
struct Interval {
    double median = 0;
    double low = 0;
    double high = 0;
};
Interval interval_of(std::vector<double> rounds);

// One way to send, at one place, with one payload.
struct Measured {
    Place place;
    clock::DataPath path;
    std::uint32_t bytes = 0;
    Interval rate;       // requests a second
    Interval processor;  // microseconds of a processor for a request: sender and receiver
    Interval sender;     // ... of the sender alone
    // To MSG_ZEROCOPY of the same round, place and payload: of the rates by the sender's processor
    // time, which a busy machine does not change.
    Interval ratio;
    Interval elapsed_ratio;           // of the rates by the clock on the wall
    double megabytes = 0;             // a second, at the median rate
    double seconds_per_megabyte = 0;  // of processor time, likewise
    double system_calls = 0;          // a request
    double copied = 0;  // share of the notifications that say so; of ways that copy always 1
    double failed = 0;  // share of the requests that were refused for want of memory or room
    // Share of the requests whose datagrams the peer read, or, of devices that drop them, counted;
    // of a stream 1.
    double received = 0;
};

struct Measurement {
    std::string kernel;
    unsigned rounds = 0;
    double slice_ms = 0;
    std::vector<Measured> cells;
    std::vector<std::string> left_out;  // each with its reason
};

// Every path at every place it goes over, with every payload.
std::vector<Turn> turns_of(const MeasureOptions& options, const std::vector<clock::DataPath>& paths,
                           const std::vector<Place>& places);

// Of those turns that are ways to send and took place; their baseline must be among the turns.
std::vector<Measured> measured_of(const std::vector<Turn>& turns, const Session& session,
                                  const std::vector<clock::DataPath>& paths);

std::string kernel_release();

// In network namespaces of its own, or on this one's loopback when it may not make any. A place
// that cannot be made is left out. When a signal asks it to stop, its processes and namespaces are
// gone and it dies of the signal.
Measurement measure(const MeasureOptions& options, const Progress& progress);

}  // namespace zcv::compare
