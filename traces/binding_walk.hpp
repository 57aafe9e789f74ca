#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/checker/system.hpp"
#include "model/next.hpp"
#include "model/step.hpp"
#include "traces/binding.hpp"

// What binding*.cpp share: taking a step by its guard, and listing the ones that are enabled.
namespace zcv {

// "notif 3: refs 2, owner-ref, head 3": what has its default value is left out.
inline std::vector<std::string> one_line_each(const std::vector<checker::Field>& fields) {
    std::vector<std::string> lines;
    std::string noun;
    for (const checker::Field& field : fields) {
        if (field.noun != noun) {
            noun = field.noun;
            lines.push_back(noun + ":");
        }
        if (field.at_rest) continue;
        lines.back() += (lines.back().back() == ':' ? " " : ", ") + field.name;
        if (field.value != "yes") lines.back() += " " + field.value;
    }
    return lines;
}

// Its place in Steps.
template <class Wanted, class... Step>
constexpr std::size_t number_in(StepList<Step...>) {
    std::size_t number = 0;
    const bool found = ((std::is_same_v<Wanted, Step> || (++number, false)) || ...);
    return found ? number : sizeof...(Step);
}

template <class Step, class... Id>
void Walk::go(Id... ids) {
    ZCV_CHECK((can<Step>(s_, ids...)));
    went<Step>(ids...);
}

template <class Step, class... Id>
bool Walk::may(Id... ids) {
    if (!can<Step>(s_, ids...)) return false;
    went<Step>(ids...);
    return true;
}

template <class Step, class... Id>
void Walk::went(Id... ids) {
    constexpr std::size_t number = number_in<Step>(Steps{});
    static_assert(number < Steps::size);
    if constexpr (!Step::at.file.empty()) {
        if (steps_ != nullptr) {
            std::uint32_t send = 0;
            ((send = send != 0 ? send : about(ids)), ...);
            if (send != 0) steps_->push_back({send, now_ns_, Step::at.function});
        }
    }
    Step::effect(s_, ids...);
    ++report_.steps[number];
    if (changes_ != nullptr || holders_ != nullptr) note_changes(step_name<Step>());
}

template <class Step, class... Id>
void Walk::must(std::string_view what, Id... ids) {
    if (!may<Step>(ids...)) [[unlikely]]
        refused<Step>(what, ids...);
}

template <class Step, class... Id>
[[gnu::cold, gnu::noinline]] void Walk::refused(std::string_view what, Id... ids) const {
    std::string why = std::string(what) + " is what it says, and " +
                      std::string(step_name<Step>()) + " cannot be taken here (" +
                      std::string(Step::at.file) + ")";
    std::vector<std::string> state;
    std::vector<std::string> instead;
    (
        [&](auto id) {
            if constexpr (std::is_same_v<decltype(id), RequestId>) {
                const Send& send = sends_.at(send_of_request_[index(id)]);
                state = around(send);
                instead = enabled_for(send);
            } else if constexpr (std::is_same_v<decltype(id), SkbId>) {
                state = around(id);
            }
        }(ids),
        ...);
    mismatch(std::move(why), std::move(state), std::move(instead));
}

template <class Step>
void enabled_request_step(const GrowingStore& s, RequestId r, std::vector<std::string>& names,
                          Ids<RequestId>) {
    if (can<Step>(s, r)) names.emplace_back(step_name<Step>());
}

template <class Step, class... Id>
void enabled_request_step(const GrowingStore&, RequestId, std::vector<std::string>&, Ids<Id...>) {}

template <class... Step>
void enabled_request_steps(const GrowingStore& s, RequestId r, std::vector<std::string>& names,
                           StepList<Step...>) {
    (enabled_request_step<Step>(s, r, names, typename Step::Of{}), ...);
}

}  // namespace zcv
