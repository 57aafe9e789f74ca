#pragma once

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
    double published_ratio = 0;  // to MSG_ZEROCOPY
    double ratio = 0;
    bool used = false;  // it was solved from
    Simulated run;

    double error() const { return ratio / published_ratio - 1; }
};

struct Environment {
    std::string_view name;
    double scale = 0;    // how long everything takes there, beside the machine of the costs
    double copy_ns = 0;  // the payload
    double pin_ns = 0;   // the payload's pages
    Costs costs;         // all of them
    std::vector<Reproduced> rows;

    double worst_error() const;  // of the rows that were not used
    double median_error() const;
    // Whether rows come in the published order; two that differ by less than 2 % have none.
    bool in_order() const;
};

// "rfc-v1" and "rfc-v2".
std::vector<std::string_view> environments();

// Solves the environment's scale, copy and pin from three rows. Of `costs` only the proportions
// matter: those of a processor at work in a kernel.
Environment reproduce(std::string_view name, const Costs& costs);

// Rounded from what `zcv compare --calibrate` finds on an x86-64 machine with Linux 6.18; they
// stand in where nothing was calibrated. Their proportions matter, not their size.
Costs reference_costs(std::uint32_t bytes);

// One of the ideas of the first series taken back, from its fastest way: what a request costs more.
struct Without {
    std::string_view idea;
    std::string_view instead;
    double ns = 0;
};
std::vector<Without> without_each(const Environment& environment);

// How the completion of a notification is delivered when a card's interrupt drops the last
// reference: nanoseconds of a processor for a request.
struct Delivery {
    std::string_view how;
    double ns = 0;
    double share = 0;  // of it, for the delivery
};
std::vector<Delivery> deliveries(const Costs& costs);

}  // namespace zcv::clock
