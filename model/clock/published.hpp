#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/clock/data_path.hpp"

// What was published with the patches that brought zero-copy sends to io_uring, as data.
namespace zcv::clock {

struct PublishedFigure {
    std::string_view as;  // the row or column as its author named it
    DataPath path;
    std::uint32_t bytes;  // payload of a request
    double value;         // in its table's unit
};

struct PublishedTable {
    std::string_view id;
    std::string_view title;
    std::string_view source;     // the mail: subject, date, message id
    std::string_view profile;    // of the model: the design or kernel it was measured with
    std::string_view transport;  // "udp", "tcp"
    std::string_view device;     // "dummy", "nic"
    std::string_view unit;       // "MB/s" or "requests/s"
    std::string_view baseline;   // `as` of what its ratios are to; "" when there is none
    std::vector<PublishedFigure> figures;
};

// In the order in which they were published.
const std::vector<PublishedTable>& published_tables();

// nullptr when there is none of that id.
const PublishedTable* find_published(std::string_view id);

// To the table's baseline at the same payload; none when the table has no baseline.
std::optional<double> ratio_of(const PublishedTable& table, const PublishedFigure& figure);

}  // namespace zcv::clock
