#include "realimpl/capture_stacks.hpp"

#include "traces/stacks.hpp"

namespace zcv {

std::optional<Stack> CapturedStacks::take(const Frame& frame) {
    if (frame.kind == ZCV_FRAME_MAPS)
        unwinder_.take_maps({frame.payload.data(), frame.payload.size()});
    if (frame.kind == ZCV_FRAME_SAMPLE) unwinder_.take_sample(frame.payload);
    if (frame.kind != ZCV_FRAME_STACK) return std::nullopt;
    std::optional<Stack> stack = stack_of(frame);
    if (!stack || (stack->number & ZCV_KERNEL_STACKS) != 0) return stack;
    unwinder_.complete(*stack);
    Places places;
    for (const StackFrame& each : stack->frames)
        places.emplace_back(each.module, each.module.empty() ? each.ip : each.offset);
    const auto [found, is_new] = kept_.try_emplace(std::move(places), stack->number);
    if (!is_new) {
        same_as_[stack->number] = found->second;
        return std::nullopt;
    }
    symbols_.name(*stack);
    return stack;
}

void CapturedStacks::number(std::span<zcv_event> events) const {
    if (same_as_.empty()) return;
    for (zcv_event& event : events) {
        if (!has_stack(event)) continue;
        const auto found = same_as_.find(static_cast<std::uint32_t>(event.res));
        if (found != same_as_.end()) event.res = static_cast<std::int32_t>(found->second);
    }
}

}  // namespace zcv
