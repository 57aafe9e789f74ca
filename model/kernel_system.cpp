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

std::string_view KernelSystem::context(checker::Taken taken, const State& before) const {
    static const std::vector<std::vector<std::string>> params = params_of(Steps{});
    const checker::StepInfo& info = steps()[taken.step];
    if (info.context != name_of(Context::syscall)) return info.context;
    const auto issued_by_worker = [&](RequestId r) { return bool{before[r].worker}; };
    if (params[taken.step].front() == noun_of(RequestId{})) {
        const RequestId r{taken.ids[0]};
        if (issued_by_worker(r)) return name_of(Context::io_wq);
        const bool retry = info.name == step_name<kernel::io_send_zc_issue>();
        if (retry && before[r].phase == Phase::polled) return name_of(Context::task_work);
    }
    // Within sendmsg(), as long as only a worker is in it.
    if (info.file == kernel::ip_send_skb::at.file) {
        bool worker = false, other = false;
        before.for_each<RequestId>([&](RequestId r) {
            if (before[r].phase != Phase::issuing) return;
            (issued_by_worker(r) ? worker : other) = true;
        });
        if (worker && !other) return name_of(Context::io_wq);
    }
    return info.context;
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
