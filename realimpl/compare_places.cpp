#include "realimpl/compare_places.hpp"

namespace zcv::compare {

const Place& null_place() {
    static const Place place{"null"};
    return place;
}

bool is_null(const Place& place) {
    return place == null_place();
}

const Place& beside(const Place& place) {
    static const Place ifb{"ifb"};
    return is_null(place) ? ifb : place;
}

const std::vector<NamedDevice>& compared_devices() {
    static const std::vector<NamedDevice> devices{
        {"ifb", "frees a packet at once and looks at nothing: true zero copy"},
        {"null", "DPDK's device that frees a packet at once: beside the ifb"},
        {"veth-drop", "a veth whose peer's XDP program drops: it copies, as a card reads by DMA"},
        {"veth", "a veth whose peer's XDP program passes: likewise, and a receiver reads"},
        {"veth-plain", "a veth without a program: what is received is copied first"},
        {"lo", "loopback: likewise"},
    };
    return devices;
}

std::vector<Place> all_places() {
    std::vector<Place> places;
    for (const NamedDevice& device : compared_devices()) places.push_back({device.name, false});
    // A stream needs somebody who acknowledges.
    for (const char* device : {"veth", "veth-plain", "lo"}) places.push_back({device, true});
    return places;
}

drive::Plan plan_of(const Place& place) {
    drive::Options options;
    options.workload = place.stream ? "tcp" : "udp";
    options.device = place.device == "veth-drop" ? "veth" : place.device;
    drive::Plan plan = drive::plan_of(options);
    plan.peer_drops = place.device == "veth-drop";
    return plan;
}

drive::Plan plan_of(const Place& place, const clock::DataPath& path, std::uint32_t bytes_max,
                    std::uint64_t buffers) {
    drive::Plan plan = plan_of(place);
    switch (path.way) {
        case clock::Way::send:
            plan.api = drive::Api::send;
            break;
        case clock::Way::msg_zerocopy:
            plan.api = drive::Api::msg_zerocopy;
            break;
        case clock::Way::ring_send:
            plan.api = drive::Api::io_send;
            break;
        default:
            plan.api = drive::Api::send_zc;
    }
    plan.options.fixed = path.way == clock::Way::send_zc_fixed;
    plan.options.defer_taskrun = true;
    plan.options.batch = path.batch;
    plan.options.buffers = buffers;
    plan.sizes = drive::Sizes(bytes_max);
    return plan;
}

std::vector<clock::DataPath> compared_paths(const std::vector<unsigned>& batches) {
    using clock::Way;
    std::vector<clock::DataPath> paths{{Way::send}, {Way::msg_zerocopy}};
    for (const unsigned batch : batches) {
        if (batch != 1) paths.push_back({Way::msg_zerocopy, batch});
        for (const Way way : {Way::ring_send, Way::send_zc, Way::send_zc_fixed})
            paths.push_back({way, batch});
    }
    return paths;
}

std::vector<clock::DataPath> bypass_paths(const std::vector<unsigned>& batches) {
    std::vector<clock::DataPath> paths;
    for (const clock::Way way : {clock::Way::af_xdp, clock::Way::dpdk})
        for (const unsigned batch : batches) paths.push_back({way, batch});
    return paths;
}

bool goes(const clock::DataPath& path, const Place& place) {
    if (is_null(place) || path.way == clock::Way::dpdk)
        return is_null(place) && path.way == clock::Way::dpdk;
    return path.way != clock::Way::af_xdp || (!place.stream && place.device != "lo");
}

}  // namespace zcv::compare
