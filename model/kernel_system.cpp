#include "model/kernel_system.hpp"

namespace zcv {

template void KernelSystem::for_each_next<const KernelSystem::AnyVisit&>(const State&,
                                                                         const AnyVisit&) const;

namespace {

template <class Step>
constexpr std::string_view tag_of() {
    if (Step::at.file.empty()) return "";
    return Step::at.version.empty() ? kernel_tag : Step::at.version;
}

template <class... Step>
std::vector<checker::StepInfo> infos(StepList<Step...>) {
    return {checker::StepInfo{step_name<Step>(), Step::at.file, Step::at.function,
                              name_of(Step::context), tag_of<Step>()}...};
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
