#include "realimpl/compare_calibrate.hpp"

#include <algorithm>

namespace zcv::compare {

namespace {

using clock::Cost;
using clock::Way;

constexpr std::uint32_t page_bytes = 4096;
constexpr std::uint32_t many_pages = 15;
constexpr unsigned batch = 8;

constexpr Primitive unsized[]{Primitive::nop,           Primitive::nop_skipped,
                              Primitive::nop_task_work, Primitive::nop_worker,
                              Primitive::nop_submitted, Primitive::nop_alone,
                              Primitive::poll,          Primitive::build,
                              Primitive::build_warm,    Primitive::build_ring};

std::uint32_t index_of(const std::vector<clock::DataPath>& paths, clock::DataPath path) {
    return static_cast<std::uint32_t>(std::ranges::find(paths, path) - paths.begin());
}

double positive(double ns) {
    return std::max(0.0, ns);
}

}  // namespace

std::uint32_t pages_of(std::uint32_t bytes) {
    return (bytes + page_bytes - 1) / page_bytes;
}

std::vector<Turn> Calibration::turns(const std::vector<clock::DataPath>& paths,
                                     const std::vector<std::uint32_t>& sizes, std::size_t places) {
    std::vector<Turn> turns;
    const auto path = [&](std::size_t place, clock::DataPath of, std::uint32_t bytes) {
        turns.push_back({place, {index_of(paths, of), bytes}});
    };
    const auto primitive = [&](std::size_t place, Primitive of, std::uint32_t bytes) {
        turns.push_back({place, {0, bytes, 0, of}});
    };
    for (const Way way : {Way::send, Way::msg_zerocopy}) path(0, {way}, refused_bytes);
    for (const Way way : {Way::ring_send, Way::send_zc})
        for (const unsigned at_once : {1U, batch}) path(0, {way, at_once}, refused_bytes);
    for (const Primitive of : unsized) primitive(0, of, 1);
    for (const Primitive of : {Primitive::build_pinned, Primitive::build_fixed})
        for (const std::uint32_t pages : {1U, many_pages}) primitive(0, of, pages * page_bytes);
    primitive(0, Primitive::build_zc, page_bytes);
    primitive(0, Primitive::build_read, page_bytes);
    for (const std::uint32_t bytes : sizes)
        for (const Primitive of : {Primitive::build, Primitive::build_warm})
            primitive(0, of, bytes);
    for (std::size_t place = 0; place < places; ++place) {
        for (const Primitive of : {Primitive::raw, Primitive::frames}) {
            primitive(place, of, 1);
            for (const std::uint32_t bytes : sizes) primitive(place, of, bytes);
        }
    }
    for (std::size_t place = 0; place < places; ++place) path(place, {Way::ring_send, batch}, 1);
    path(0, {Way::send}, 1);
    path(0, {Way::ring_send}, 1);
    return turns;
}

Calibration::Calibration(const std::vector<Turn>& turns, const std::vector<clock::DataPath>& paths,
                         std::vector<Place> places, std::vector<std::uint32_t> sizes)
    : turns_(turns), paths_(paths), places_(std::move(places)), sizes_(std::move(sizes)) {}

double Calibration::time(const Order& order, std::size_t place,
                         std::optional<std::size_t> round) const {
    std::vector<double> times;
    for (const Turn& turn : turns_) {
        if (turn.place != place || turn.order.path != order.path ||
            turn.order.bytes != order.bytes || turn.order.primitive != order.primitive)
            continue;
        for (std::size_t i = 0; i < turn.slices.size(); ++i) {
            const Slice& slice = turn.slices[i];
            if ((!round || *round == i) && slice.requests > 0)
                times.push_back(1e9 * slice.processor / static_cast<double>(slice.requests));
        }
    }
    return interval_of(times).median;
}

double Calibration::time(std::size_t place, clock::DataPath path, std::uint32_t bytes,
                         std::optional<std::size_t> round) const {
    return time(Order{index_of(paths_, path), bytes}, place, round);
}

double Calibration::time(std::size_t place, Primitive primitive, std::uint32_t bytes,
                         std::optional<std::size_t> round) const {
    return time(Order{0, bytes, 0, primitive}, place, round);
}

clock::Costs Calibration::costs(std::size_t place, std::uint32_t bytes,
                                std::optional<std::size_t> round) const {
    const auto refused = [&](Way way, unsigned at_once = 1) {
        return time(0, {way, at_once}, refused_bytes, round);
    };
    const auto alone = [&](Primitive of, std::uint32_t size = 1) {
        return time(0, of, size, round);
    };
    const auto byte = [&](std::size_t at, Way way, unsigned at_once = 1) {
        return time(at, {way, at_once}, 1, round);
    };
    clock::Costs costs;
    const double eight = refused(Way::ring_send, batch);
    costs[Cost::datagram] = positive(byte(place, Way::ring_send, batch) - eight);
    const auto veth = std::ranges::find(places_, "veth-drop", &Place::device);
    if (veth != places_.end())
        costs[Cost::napi] =
            positive(byte(static_cast<std::size_t>(veth - places_.begin()), Way::ring_send, batch) -
                     byte(0, Way::ring_send, batch));
    // What comes after a system call is slower too, so it is timed with a datagram behind it.
    costs[Cost::call] =
        positive(byte(0, Way::send) - positive(byte(0, Way::ring_send, batch) - eight));
    costs[Cost::look] = positive(refused(Way::msg_zerocopy) - refused(Way::send));
    costs[Cost::enter] =
        positive(byte(0, Way::ring_send) - byte(0, Way::ring_send, batch)) * batch / (batch - 1);
    costs[Cost::submit] = positive(alone(Primitive::nop_alone) - alone(Primitive::nop_submitted)) *
                          batch / (batch - 1);
    const double nop = alone(Primitive::nop);
    costs[Cost::cqe] = positive(nop - alone(Primitive::nop_skipped)) * batch / (batch - 1);
    const double whole = positive(eight - costs[Cost::enter] / batch);
    costs[Cost::request] =
        std::clamp(nop - costs[Cost::submit] / batch - costs[Cost::cqe], 0.0, whole);
    costs[Cost::ring_send] = positive(whole - costs[Cost::request] - costs[Cost::cqe]);
    const double more_of_eight = refused(Way::send_zc, batch) - eight;
    const double more_of_one = refused(Way::send_zc) - refused(Way::ring_send);
    costs[Cost::work_run] = positive(more_of_one - more_of_eight) * batch / (batch - 1);
    const auto a_page = [&](Primitive of) {
        return positive(alone(of, many_pages * page_bytes) - alone(of, page_bytes)) /
               (many_pages - 1);
    };
    const double frag = a_page(Primitive::build_fixed);
    const double next_pin = positive(a_page(Primitive::build_pinned) - frag);
    const double pin = std::max(next_pin, alone(Primitive::build_zc, page_bytes) -
                                              alone(Primitive::build_fixed, page_bytes));
    costs[Cost::frags] = frag * pages_of(bytes);
    costs[Cost::pin] = pin + next_pin * (pages_of(bytes) - 1);
    const double told =
        positive(alone(Primitive::build_fixed, page_bytes) - frag - alone(Primitive::build_ring) -
                 costs[Cost::cqe] - costs[Cost::work_run]);
    costs[Cost::task_work] = std::clamp(alone(Primitive::nop_task_work) - nop, 0.0, told);
    costs[Cost::notification] = told - costs[Cost::task_work];
    costs[Cost::poll] = alone(Primitive::poll);
    costs[Cost::work_item] = positive(alone(Primitive::nop_worker) - nop);
    const double pinned = alone(Primitive::build_pinned, page_bytes);
    costs[Cost::ubuf] = positive(pinned - pin - frag - alone(Primitive::build));
    costs[Cost::read_range] = positive(alone(Primitive::build_read, page_bytes) - pinned);
    costs[Cost::copy] = positive(alone(Primitive::build, bytes) - alone(Primitive::build));
    costs[Cost::copy_warm] =
        positive(alone(Primitive::build_warm, bytes) - alone(Primitive::build_warm));
    const auto more_than_ifb = [&](Primitive of) {
        const auto payload = [&](std::size_t at) {
            return time(at, of, bytes, round) - time(at, of, 1, round);
        };
        return place == 0 ? 0 : positive(payload(place) - payload(0));
    };
    costs[Cost::device] = more_than_ifb(Primitive::raw);
    const bool has_frames = time(place, Primitive::frames, bytes, std::nullopt) > 0;
    costs[Cost::device_pages] = has_frames ? more_than_ifb(Primitive::frames) : costs[Cost::device];
    return costs;
}

clock::Costs Calibration::at(std::size_t place, std::uint32_t bytes) const {
    return costs(place, bytes, std::nullopt);
}

std::size_t Calibration::rounds() const {
    return turns_.front().slices.size();
}

clock::Costs Calibration::at(std::size_t place, std::uint32_t bytes, std::size_t round) const {
    return costs(place, bytes, round);
}

Interval Calibration::interval(Cost cost, std::size_t place, std::uint32_t bytes) const {
    std::vector<double> rounds;
    for (std::size_t i = 0; i < this->rounds(); ++i) rounds.push_back(at(place, bytes, i)[cost]);
    return interval_of(rounds);
}

std::string Calibration::missing() const {
    for (const Primitive of : unsized)
        if (time(0, of, 1, std::nullopt) <= 0)
            return of == Primitive::nop_task_work
                       ? "NOPs that complete by task work (Linux 6.15): task-work is part of "
                         "notification"
                       : "some primitive could not be timed here: its cost is taken as 0";
    for (const Primitive of : {Primitive::build_pinned, Primitive::build_read, Primitive::build_zc,
                               Primitive::build_fixed})
        if (time(0, of, page_bytes, std::nullopt) <= 0)
            return "datagrams built by reference: what depends on them is taken as 0";
    if (time(0, Primitive::frames, 1, std::nullopt) <= 0)
        return "packets of single pages (AF_XDP): device-pages is taken as device";
    return "";
}

}  // namespace zcv::compare
