#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/clock/data_path.hpp"
#include "realimpl/drive_options.hpp"

namespace zcv::compare {

// A device with a transport over it.
struct Place {
    std::string device;
    bool stream = false;

    std::string name() const { return (stream ? "tcp " : "udp ") + device; }
    friend bool operator==(const Place&, const Place&) = default;
};

struct NamedDevice {
    const char* name;
    const char* about;
};

// DPDK's null device: of no namespace, and beside the ifb, whose MSG_ZEROCOPY is its baseline too.
const Place& null_place();
bool is_null(const Place& place);
// With whose rows those of this place are shown.
const Place& beside(const Place& place);

// ifb, null, veth-drop, veth, veth-plain, lo.
const std::vector<NamedDevice>& compared_devices();

// Every device by every transport that goes over it.
std::vector<Place> all_places();

// What sets the world of this place up. A path's transport is planned with `path`.
drive::Plan plan_of(const Place& place);
drive::Plan plan_of(const Place& place, const clock::DataPath& path, std::uint32_t bytes_max,
                    std::uint64_t buffers);

// Sends the way that MSG_ZEROCOPY is compared to, the batches everything else.
std::vector<clock::DataPath> compared_paths(const std::vector<unsigned>& batches);

// What goes past the sockets, in those batches.
std::vector<clock::DataPath> bypass_paths(const std::vector<unsigned>& batches);

// Whether packets can go that way there: those of AF_XDP over what carries any frame to one peer,
// those of DPDK to its own device.
bool goes(const clock::DataPath& path, const Place& place);

}  // namespace zcv::compare
