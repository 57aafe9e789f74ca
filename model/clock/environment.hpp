#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "model/clock/published.hpp"
#include "model/clock/simulate.hpp"

// The machines that the published tables were measured on. Little is known of them; what is not is
// solved from a few of their own rows, and the others are reproduced from that.
namespace zcv::clock {

// A row of a published table beside what the model makes of it.
struct Reproduced {
    const PublishedTable* table = nullptr;
    const PublishedFigure* figure = nullptr;
    double published_ns = 0;  // a request
    double ns = 0;
    double published_ratio = 0;  // to the environment's baseline of the same payload
    double ratio = 0;
    bool used = false;  // it was solved from
    Simulated run;
    Costs costs;

    double error() const { return ratio / published_ratio - 1; }
};

struct Environment {
    std::string_view name;
    std::string_view baseline;  // as it was published
    std::uint32_t bytes = 0;    // the payload that the following are of
    double scale = 0;           // how long everything takes there, beside the machine of the costs
    double copy_ns = 0;         // the payload
    double pin_ns = 0;          // the payload's pages
    double call_ns = 0;         // a call that only submits
    double card_ns = 0;         // a card's packet, beyond what a sink costs
    double range_ns = 0;        // a range put into the error queue by a card's interrupt
    std::string_view scale_of;  // another environment, whose row gave the scale; "" its own
    std::vector<Reproduced> rows;

    const Costs& costs() const;  // of that payload
    // Of the rows that were not used, nor are the baseline.
    const Reproduced* worst() const;
    double median_error() const;
    // Of the pairs of rows of a payload that differ by 2 % or more, those that do not come in the
    // published order.
    struct Order {
        std::size_t pairs = 0;
        std::size_t swapped = 0;
        double widest = 0;  // what two that are swapped differ by, as published: 0.05 is 5 %
    };
    Order order() const;
};

// "rfc-v1", "rfc-v2", "rfc-v2-nic", "v4-dummy" and "v4-nic".
std::vector<std::string_view> environments();

// Rounded from what `zcv compare --calibrate` finds on an x86-64 machine with Linux 6.18; they
// stand in where nothing was calibrated. Their proportions matter, not their size.
Costs reference_costs(std::uint32_t bytes);

// Solves what is unknown of the environment from three rows. Of `costs`, which are of a payload,
// only the proportions matter: those of a processor at work in a kernel.
Environment reproduce(std::string_view name,
                      const std::function<Costs(std::uint32_t bytes)>& costs = reference_costs);

// One of the ideas of the first series taken back, from its fastest way: what a request costs more.
struct Without {
    std::string_view idea;
    std::string_view instead;
    double ns = 0;
};
std::vector<Without> without_each(const Costs& costs);

// How the completion of a notification is delivered when a card's interrupt drops the last
// reference: nanoseconds of a processor for a request.
struct Delivery {
    std::string_view how;
    double ns = 0;
    double share = 0;  // of it, for the delivery
};
std::vector<Delivery> deliveries(const Costs& costs);

}  // namespace zcv::clock
