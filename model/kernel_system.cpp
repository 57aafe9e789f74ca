#include "model/kernel_system.hpp"

namespace zcv {

template void KernelSystem::for_each_next<const KernelSystem::AnyVisit&>(const State&,
                                                                         const AnyVisit&) const;

namespace {

// "io_uring/notif.c", and for a place that kernel_tag does not have "io_uring/notif.c (6.0-rc)".
template <class Step>
std::string_view place_of() {
    if constexpr (Step::at.version.empty()) {
        return Step::at.file;
    } else {
        static const std::string place =
            std::string(Step::at.file) + " (" + std::string(Step::at.version) + ")";
        return place;
    }
}

template <class... Step>
std::vector<checker::StepInfo> infos(StepList<Step...>) {
    return {checker::StepInfo{step_name<Step>(), place_of<Step>(), Step::at.function,
                              name_of(Step::context)}...};
}

template <class... Id>
std::vector<std::string> nouns(Ids<Id...>) {
    return {noun_of(Id{})...};
}

template <class... Step>
std::vector<std::vector<std::string>> params_of(StepList<Step...>) {
    return {nouns(typename Step::Of{})...};
}

}  // namespace

std::span<const checker::StepInfo> KernelSystem::steps() const {
    static const std::vector<checker::StepInfo> all = infos(Steps{});
    return all;
}

std::string KernelSystem::params(checker::Taken taken) const {
    static const std::vector<std::vector<std::string>> all = params_of(Steps{});
    std::string text;
    std::size_t i = 0;
    for (const std::string& noun : all[taken.step]) {
        if (!text.empty()) text += ", ";
        text += noun + " " + std::to_string(taken.ids[i++]);
    }
    return text;
}

std::vector<checker::Field> KernelSystem::fields(const State& state) const {
    FieldLister lister;
    State copy = state;
    copy.visit(lister);
    return lister.take();
}

}  // namespace zcv
