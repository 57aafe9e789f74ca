#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/clock/costs.hpp"
#include "model/clock/data_path.hpp"

// A run of the model's own steps under a clock. Nothing here says what a step does: guards and
// effects are those of next.hpp, taken on the growing store in the order in which one processor
// comes to them. What is added is what each costs.
namespace zcv::clock {

// What is done with a packet, and when its references go.
enum class Device : std::uint8_t {
    sink,    // freed within the call, unread
    reader,  // read within the call, by the same processor: XDP on a veth copies
    card,    // read and freed later, in an interrupt
};

// When it looks for what has come back.
enum class Application : std::uint8_t {
    reads,  // after every batch: CQEs in the call that submits, ranges until there are none
    // As the programs of the published tables: send-zc only submits, msg_zerocopy polls for room
    // after every send, and neither waits for a buffer before it is sent again.
    floods,
};

struct Job {
    DataPath path;
    std::string_view profile = "6.18";  // "rfc-v1" and "6.0-rc" send to slots
    Device device = Device::sink;
    double flight_ns = 0;  // of a card: from the hand-over to its interrupt
    Application application = Application::reads;
};

// How often a step was charged with a cost, for a request.
using Charged = std::map<std::pair<std::string_view, Cost>, double>;

struct Simulated {
    double requests = 0;      // that the averages are of
    double ns = 0;            // of the processor, a request
    double idle_ns = 0;       // ... waiting for buffers to come back
    double system_calls = 0;  // a request
    double notified = 0;      // notifications that the application read, a request
    Charged charged;

    // Requests a second.
    double rate() const { return 1e9 / (ns + idle_ns); }
    double ns_of(Cost cost, const Costs& costs) const;
    double ns_of(std::string_view step, const Costs& costs) const;
    double count(Cost cost) const;
};

// Whether the design of this profile can send that way.
bool can_simulate(const Job& job);

Simulated simulate(const Job& job, const Costs& costs);

// Which step is charged with what. A step without a row takes no time of its own: it is a moment
// within another's.
struct Charge {
    std::string_view step;
    Cost cost;
    std::string_view of;  // "": every way to send; else a note on which
    bool (*applies)(const DataPath&);
};
const std::vector<Charge>& charges();

}  // namespace zcv::clock
