#include "realimpl/drive_report.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace zcv::drive {

namespace {

std::uint64_t lost(const Plan& plan, const Result& result) {
    return plan.options.sends - std::min(plan.options.sends, result.tally.messages);
}

// A lost datagram hides at which place the others stood, and so which were replaced.
bool is_lower_bound(const Plan& plan, const Result& result) {
    return plan.protocol == Protocol::udp && lost(plan, result) > 0;
}

double per_second(double amount, double seconds) {
    return seconds > 0 ? amount / seconds : 0;
}

std::string modes(const Options& options) {
    std::vector<std::string> names;
    names.emplace_back(options.sendmsg ? "SENDMSG_ZC" : "SEND_ZC");
    if (options.fixed) names.emplace_back("registered buffers");
    if (options.defer_taskrun) names.emplace_back("DEFER_TASKRUN");
    if (options.sqpoll) names.emplace_back("SQPOLL");
    return fmt::format("{}", fmt::join(names, ", "));
}

std::string kernel_release() {
    utsname name{};
    return ::uname(&name) == 0 ? name.release : "unknown";
}

std::string usage_text(const Plan& plan, const SenderCounts& sent) {
    if (!plan.options.report_usage) return "not asked for (--no-report-usage)";
    // A notification stacked behind another never sees the skb, so it says copied by default.
    const bool stacked =
        plan.protocol == Protocol::tcp && sent.copied > 0 && sent.copied < sent.notified;
    return fmt::format("{} zero-copied, {} copied, as the notifications say{}",
                       sent.notified - sent.copied, sent.copied,
                       stacked ? " (stacked ones say copied when nothing was)" : "");
}

std::string receiver_text(const Plan& plan, const Result& result) {
    if (!plan.has_receiver()) return "nobody: the sink frees what it is given";
    const Tally& tally = result.tally;
    return fmt::format("{} right, {}{} wrong ({} replaced, {} torn, {} bytes), {} lost",
                       tally.right, is_lower_bound(plan, result) ? "at least " : "", tally.wrong(),
                       tally.replaced, tally.torn, tally.wrong_bytes, lost(plan, result));
}

}  // namespace

std::string text_of(const Plan& plan, const Result& result) {
    const Options& options = plan.options;
    const SenderCounts& sent = result.sent;
    std::string text =
        fmt::format("workload   {} over {}: {} sends of {} bytes, {} buffers, batches of {}, {}\n",
                    options.workload, options.device, options.sends, options.size, options.buffers,
                    options.batch, modes(options));
    text +=
        fmt::format("rate       {}\n",
                    plan.rate_bits == 0 ? "not shaped" : fmt::format("{} bit/s", plan.rate_bits));
    text += fmt::format("policy     {}\n", plan.misuse == Misuse::none
                                               ? "conforming: a buffer waits for its notification"
                                               : "MISUSE " + options.misuse);
    text += fmt::format("requests   {} submitted, {} completed, {} notified\n", sent.requests,
                        sent.completed, sent.notified);
    if (sent.retries + sent.short_sends + sent.overflows + sent.unannounced > 0)
        text += fmt::format(
            "trouble    {} retries, {} short sends, {} CQ overflows, {} notifications "
            "nobody announced\n",
            sent.retries, sent.short_sends, sent.overflows, sent.unannounced);
    text += fmt::format("usage      {}\n", usage_text(plan, sent));
    text += fmt::format("rewrites   {}, of them {} before the notification\n", sent.rewrites,
                        sent.rewrites_early);
    text +=
        fmt::format("sent       {} bytes in {:.3f} s: {:.0f} sends/s, {:.1f} MB/s\n", sent.bytes,
                    sent.seconds, per_second(static_cast<double>(options.sends), sent.seconds),
                    per_second(static_cast<double>(sent.bytes) / 1e6, sent.seconds));
    text += fmt::format("received   {}\n", receiver_text(plan, result));
    return text;
}

std::string json_of(const Plan& plan, const Result& result) {
    const Options& options = plan.options;
    const SenderCounts& sent = result.sent;
    using nlohmann::ordered_json;
    ordered_json json{
        {"schema_version", 1},
        {"verb", "drive"},
        {"version", ZCV_VERSION},
        {"kernel", kernel_release()},
        {"workload", options.workload},
        {"device", options.device},
        {"misuse", options.misuse.empty() ? ordered_json() : ordered_json(options.misuse)},
        {"rate_bits", plan.rate_bits},
        {"seed", options.seed},
        {"sends", options.sends},
        {"size", options.size},
        {"buffers", options.buffers},
        {"batch", options.batch},
        {"fixed", options.fixed},
        {"sendmsg", options.sendmsg},
        {"defer_taskrun", options.defer_taskrun},
        {"sqpoll", options.sqpoll},
        {"ipv6", options.ipv6},
        {"isolated", result.isolated},
        {"peer_xdp", result.xdp},
        {"requests", sent.requests},
        {"completed", sent.completed},
        {"notified", sent.notified},
        {"rewrites", sent.rewrites},
        {"rewrites_early", sent.rewrites_early},
        {"retries", sent.retries},
        {"short_sends", sent.short_sends},
        {"cq_overflows", sent.overflows},
        {"notifications_unannounced", sent.unannounced},
        {"bytes", sent.bytes},
        {"seconds", sent.seconds},
    };
    const bool usage = options.report_usage;
    json["copied"] = usage ? ordered_json(sent.copied) : ordered_json();
    json["zero_copied"] = usage ? ordered_json(sent.notified - sent.copied) : ordered_json();
    json["data_arrived"] = plan.has_receiver() && result.tally.messages > 0;
    json["receiver"] = nullptr;
    if (plan.has_receiver())
        json["receiver"] = {{"messages", result.tally.messages},
                            {"right", result.tally.right},
                            {"wrong", result.tally.wrong()},
                            {"replaced", result.tally.replaced},
                            {"torn", result.tally.torn},
                            {"lost", lost(plan, result)},
                            {"wrong_is_lower_bound", is_lower_bound(plan, result)},
                            {"wrong_bytes", result.tally.wrong_bytes}};
    return json.dump(2) + "\n";
}

std::string list_text() {
    std::string text = "workloads\n";
    for (const Workload& one : workloads())
        text += fmt::format("  {:10} {}\n", one.name, one.about);
    text += "devices (--device)\n";
    for (const NamedDevice& one : devices())
        text += fmt::format("  {:10} {}\n", one.name, one.about);
    text += "misuses (--misuse)\n";
    for (const NamedMisuse& one : misuses())
        text += fmt::format("  {:10} {}\n", one.name, one.about);
    return text;
}

}  // namespace zcv::drive
