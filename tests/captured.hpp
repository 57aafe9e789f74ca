#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "traces/zct.hpp"

// The captures that the tree ships.
namespace zcv::test {

inline const std::filesystem::path captured =
    std::filesystem::path(ZCV_SOURCE_DIR) / "traces/captured";

// "udp-nic-conforming", or "6.1/udp-nic-conforming" for that of another kernel.
inline Trace capture(const std::string& name) {
    return read_trace((captured / (name + ".zct")).string());
}

// All of them, those of other kernels included, in one order.
inline std::vector<std::filesystem::path> captures() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(captured))
        if (entry.path().extension() == ".zct") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

// A write to the buffer of the first send of that name soon after it was submitted, as a watchpoint
// records it, with the stack `res` names.
inline zcv_event watched_write(const Trace& trace, std::uint64_t user_data) {
    const auto submit =
        std::find_if(trace.events.begin(), trace.events.end(), [&](const zcv_event& event) {
            return event.kind == ZCV_SUBMIT && event.user_data == user_data;
        });
    zcv_event write = submit == trace.events.end() ? zcv_event{} : *submit;
    write.kind = ZCV_WRITE;
    write.time_ns += 50'000;
    write.len = 8;
    write.res = 1;
    write.generation = 0;
    write.cpu = ZCV_CPU_WATCH;
    write.seq = 0;
    return write;
}

}  // namespace zcv::test
