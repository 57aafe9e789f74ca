#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "traces/zct.hpp"

namespace zcv {

// What function probes saw of counts, added up: each record must follow from those before it.
class RefAccount {
  public:
    explicit RefAccount(const Trace& trace);

    // Takes in a record of a change; why it cannot be, in words.
    std::optional<std::string> refuses(const zcv_event& event);
    // References that are left of a ubuf; nothing where not every change is known to be seen.
    std::optional<std::int64_t> left(std::uint64_t ubuf) const;
    // Whether a softirq's record of its count was ahead of the others, and none has made up for it.
    bool is_interrupted(std::uint64_t ubuf) const;
    // Whether the probes missed nothing that is counted.
    bool is_certain() const { return certain_; }

  private:
    struct Ubuf {
        std::uint64_t ring = 0;
        std::uint64_t head_of_chain = 0;  // what it hangs on
        std::uint64_t time_ns = 0;        // of its newest record, and that one's processor
        std::int64_t sum = 0;
        std::int64_t interrupted = 0;  // by how much a change whose record is still to come
        std::uint32_t tgid = 0;
        std::uint16_t cpu = 0;
    };

    static bool is_nested(Ubuf& ubuf, const zcv_event& event);
    std::optional<std::string> member_differs(const zcv_event& event);

    std::unordered_map<std::uint64_t, Ubuf> ubufs_;
    bool certain_ = true;
    bool whole_ = true;  // every way to change a count has a probe
};

}  // namespace zcv
