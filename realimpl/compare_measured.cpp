#include "realimpl/compare_measured.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "realimpl/compare_grid.hpp"

namespace zcv::compare {

namespace {

using Json = nlohmann::ordered_json;

std::string within(const Interval& interval, int digits) {
    return fmt::format("{:.{}f} ({:.{}f}-{:.{}f})", interval.median, digits, interval.low, digits,
                       interval.high, digits);
}

const std::vector<std::string> headings{"path",     "requests/s",     "MB/s",     "ratio",
                                        "by clock", "CPU us/request", "CPU s/MB", "calls/req.",
                                        "copied",   "refused",        "received"};

std::vector<std::string> row_of(const Measured& cell) {
    return {text_of(cell.path),
            fmt::format("{:.0f}", cell.rate.median),
            fmt::format("{:.0f}", cell.megabytes),
            within(cell.ratio, 2),
            fmt::format("{:.2f}", cell.elapsed_ratio.median),
            within(cell.processor, 2),
            fmt::format("{:.6f}", cell.seconds_per_megabyte),
            fmt::format("{:.2f}", cell.system_calls),
            fmt::format("{:.0f} %", 100 * cell.copied),
            fmt::format("{:.0f} %", 100 * cell.failed),
            fmt::format("{:.0f} %", 100 * cell.received)};
}

// What the rows mean that are no way to send through a socket.
std::string bounds_text(const Measurement& measurement) {
    const auto has = [&](clock::Way way) {
        return std::ranges::any_of(measurement.cells,
                                   [&](const Measured& cell) { return cell.path.way == way; });
    };
    std::string text;
    if (has(clock::Way::af_xdp))
        text += "af_xdp: past the sockets, copied by the kernel: what its rings cost\n";
    if (has(clock::Way::dpdk))
        text +=
            "dpdk: past the kernel, to a device of its own that frees a packet at once: a bound\n";
    return text;
}

Json json_of(const Interval& interval) {
    return {{"median", interval.median}, {"low", interval.low}, {"high", interval.high}};
}

}  // namespace

std::string measured_text(const Measurement& measurement) {
    std::string text = fmt::format(
        "measured on {}: {} interleaved rounds of {:.1f} ms; medians, with an interval of at least "
        "90 %\nratio: to MSG_ZEROCOPY at the same place and payload, of requests a second of the "
        "sender's\nprocessor; by clock: of requests a second. CPU: sender and receiver\n{}",
        measurement.kernel, measurement.rounds, measurement.slice_ms, bounds_text(measurement));
    std::vector<std::vector<std::string>> rows;
    const auto flush = [&] {
        if (rows.size() > 1) text += grid(rows, 1);
        rows = {headings};
    };
    const Measured* before = nullptr;
    for (const Measured& cell : measurement.cells) {
        if (before == nullptr || beside(before->place) != beside(cell.place) ||
            before->bytes != cell.bytes) {
            flush();
            text += fmt::format("\n{}, {} bytes\n", beside(cell.place).name(), cell.bytes);
        }
        rows.push_back(row_of(cell));
        before = &cell;
    }
    flush();
    for (const std::string& what : measurement.left_out) text += "left out: " + what + '\n';
    return text;
}

std::string measured_csv(const Measurement& measurement) {
    std::string text = csv_line({"kernel",
                                 "transport",
                                 "device",
                                 "path",
                                 "batch",
                                 "bytes",
                                 "requests_per_s",
                                 "requests_per_s_low",
                                 "requests_per_s_high",
                                 "mb_per_s",
                                 "ratio",
                                 "ratio_low",
                                 "ratio_high",
                                 "elapsed_ratio",
                                 "cpu_us_per_request",
                                 "cpu_us_per_request_low",
                                 "cpu_us_per_request_high",
                                 "sender_us_per_request",
                                 "cpu_s_per_mb",
                                 "system_calls_per_request",
                                 "copied_share",
                                 "refused_share",
                                 "received_share",
                                 "bypass"});
    const auto number = [](double value) { return fmt::format("{:.6g}", value); };
    for (const Measured& cell : measurement.cells)
        text += csv_line({measurement.kernel,
                          cell.place.stream ? "tcp" : "udp",
                          cell.place.device,
                          std::string(name_of(cell.path.way)),
                          std::to_string(cell.path.batch),
                          std::to_string(cell.bytes),
                          number(cell.rate.median),
                          number(cell.rate.low),
                          number(cell.rate.high),
                          number(cell.megabytes),
                          number(cell.ratio.median),
                          number(cell.ratio.low),
                          number(cell.ratio.high),
                          number(cell.elapsed_ratio.median),
                          number(cell.processor.median),
                          number(cell.processor.low),
                          number(cell.processor.high),
                          number(cell.sender.median),
                          number(cell.seconds_per_megabyte),
                          number(cell.system_calls),
                          number(cell.copied),
                          number(cell.failed),
                          number(cell.received),
                          clock::is_bypass(cell.path.way) ? "1" : "0"});
    return text;
}

Json measured_json(const Measurement& measurement) {
    Json cells = Json::array();
    for (const Measured& cell : measurement.cells)
        cells.push_back({{"transport", cell.place.stream ? "tcp" : "udp"},
                         {"device", cell.place.device},
                         {"path", name_of(cell.path.way)},
                         {"batch", cell.path.batch},
                         {"bytes", cell.bytes},
                         {"requests_per_s", json_of(cell.rate)},
                         {"mb_per_s", cell.megabytes},
                         {"ratio", json_of(cell.ratio)},
                         {"elapsed_ratio", json_of(cell.elapsed_ratio)},
                         {"cpu_us_per_request", json_of(cell.processor)},
                         {"sender_us_per_request", json_of(cell.sender)},
                         {"cpu_s_per_mb", cell.seconds_per_megabyte},
                         {"system_calls_per_request", cell.system_calls},
                         {"copied_share", cell.copied},
                         {"refused_share", cell.failed},
                         {"received_share", cell.received},
                         {"bypass", clock::is_bypass(cell.path.way)}});
    return {{"kernel", measurement.kernel},
            {"rounds", measurement.rounds},
            {"slice_ms", measurement.slice_ms},
            {"cells", cells},
            {"left_out", measurement.left_out}};
}

}  // namespace zcv::compare
