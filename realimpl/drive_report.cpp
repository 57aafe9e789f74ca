#include "realimpl/drive_report.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace zcv::drive {

namespace {

std::uint64_t lost(const Plan& plan, const Result& result) {
    if (!plan.has_receiver()) return 0;
    return result.sent.accepted - std::min(result.sent.accepted, result.tally.messages);
}

// A lost datagram hides at which place the others stood, and so which were replaced.
bool is_lower_bound(const Plan& plan, const Result& result) {
    return plan.protocol == Protocol::udp && lost(plan, result) > 0;
}

double per_second(double amount, double seconds) {
    return seconds > 0 ? amount / seconds : 0;
}

struct Mode {
    bool Options::*asked;
    const char* name;
};
constexpr Mode mode_table[]{
    {&Options::fixed, "fixed"},
    {&Options::more, "more"},
    {&Options::tail_copy, "tail_copy"},
    {&Options::dontwait, "dontwait"},
    {&Options::poll_first, "poll_first"},
    {&Options::async, "async"},
    {&Options::link, "link"},
    {&Options::drain, "drain"},
    {&Options::decoys, "decoys"},
    {&Options::defer_taskrun, "defer_taskrun"},
    {&Options::sqpoll, "sqpoll"},
    {&Options::sniffer, "sniffer"},
    {&Options::mtu_probing, "mtu_probing"},
    {&Options::no_tso, "no_tso"},
    {&Options::tls, "tls"},
    {&Options::ipv6, "ipv6"},
};

std::string modes(const Plan& plan) {
    std::string text = name_of(plan.api);
    for (const Mode& mode : mode_table)
        if (plan.options.*mode.asked) text += fmt::format(", {}", mode.name);
    if (plan.stream() && !plan.options.waitall) text += ", no_waitall";
    if (plan.options.vectors > 1) text += fmt::format(", {} vectors", plan.options.vectors);
    return text;
}

std::string kernel_release() {
    utsname name{};
    return ::uname(&name) == 0 ? name.release : "unknown";
}

bool tells_usage(const Plan& plan) {
    return plan.options.report_usage || plan.api == Api::msg_zerocopy;
}

std::string usage_text(const Plan& plan, const SenderCounts& sent) {
    if (!is_zero_copy(plan.api)) return "a copying interface: nothing is notified";
    if (!tells_usage(plan)) return "not asked for (--no-report-usage)";
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

std::string event_text(const Plan& plan, const SenderCounts& sent) {
    std::string text;
    if (plan.event != Event::none)
        text +=
            fmt::format("event      {} with {} in flight, {} hit, {} messages sent\n",
                        plan.options.event, sent.event_in_flight, sent.event_hits, sent.accepted);
    if (sent.awaited_in_vain > 0)
        text += fmt::format("hung       waiting for {} notifications that never came\n",
                            sent.awaited_in_vain);
    return text;
}

// Only what there is any of.
std::string trouble_text(const SenderCounts& sent) {
    const std::pair<std::uint64_t, const char*> all[]{
        {sent.retries, "retries"},
        {sent.short_sends, "short sends"},
        {sent.refused, "refused and sent as copies"},
        {sent.overflows, "CQ overflows"},
        {sent.unannounced, "notifications nobody announced"},
        {sent.abandoned, "notifications nobody could read"},
        {sent.failed, "failed requests"},
        {sent.decoys, "decoys"},
        {sent.mtu_probes, "MTU probes"},
    };
    std::vector<std::string> parts;
    for (const auto& [count, name] : all)
        if (count > 0) parts.push_back(fmt::format("{} {}", count, name));
    return parts.empty() ? "" : fmt::format("trouble    {}\n", fmt::join(parts, ", "));
}

nlohmann::ordered_json name_or_null(const std::string& name) {
    return name.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(name);
}

void add_counts(nlohmann::ordered_json& json, const SenderCounts& sent) {
    const std::pair<const char*, std::uint64_t> counts[]{
        {"requests", sent.requests},
        {"completed", sent.completed},
        {"announced", sent.announced},
        {"notified", sent.notified},
        {"abandoned", sent.abandoned},
        {"failed", sent.failed},
        {"decoys", sent.decoys},
        {"accepted", sent.accepted},
        {"rewrites", sent.rewrites},
        {"rewrites_early", sent.rewrites_early},
        {"retries", sent.retries},
        {"short_sends", sent.short_sends},
        {"refused", sent.refused},
        {"cq_overflows", sent.overflows},
        {"notifications_unannounced", sent.unannounced},
        {"event_in_flight", sent.event_in_flight},
        {"event_hits", sent.event_hits},
        {"awaited_in_vain", sent.awaited_in_vain},
        {"mtu_probes", sent.mtu_probes},
        {"bytes", sent.bytes},
    };
    for (const auto& [name, count] : counts) json[name] = count;
}

}  // namespace

std::string text_of(const Plan& plan, const Result& result) {
    const Options& options = plan.options;
    const SenderCounts& sent = result.sent;
    std::string text =
        fmt::format("workload   {} over {}: {} sends of {} bytes, {} buffers, batches of {}, {}\n",
                    options.workload, options.device, options.sends, options.size, options.buffers,
                    options.batch, modes(plan));
    text += fmt::format("rate       {}\n", !options.netem.empty() ? "netem " + options.netem
                                           : plan.rate_bits == 0
                                               ? "not shaped"
                                               : fmt::format("{} bit/s", plan.rate_bits));
    text += fmt::format("policy     {}\n", plan.misuse == Misuse::none
                                               ? "conforming: a buffer waits for its notification"
                                               : "MISUSE " + options.misuse);
    text += fmt::format("requests   {} submitted, {} completed, {} notified\n", sent.requests,
                        sent.completed, sent.notified);
    text += event_text(plan, sent);
    text += trouble_text(sent);
    text += fmt::format("usage      {}\n", usage_text(plan, sent));
    text += fmt::format("rewrites   {}, of them {} before the notification\n", sent.rewrites,
                        sent.rewrites_early);
    text +=
        fmt::format("sent       {} bytes in {:.3f} s: {:.0f} sends/s, {:.1f} MB/s\n", sent.bytes,
                    sent.seconds, per_second(static_cast<double>(sent.accepted), sent.seconds),
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
        {"api", name_of(plan.api)},
        {"device", options.device},
        {"misuse", name_or_null(options.misuse)},
        {"fault", name_or_null(options.fault)},
        {"event", name_or_null(options.event)},
        {"rate_bits", plan.rate_bits},
        {"netem", name_or_null(options.netem)},
        {"seed", options.seed},
        {"sends", options.sends},
        {"size", plan.sizes.max()},
        {"sizes", options.size},
        {"buffers", options.buffers},
        {"batch", options.batch},
        {"vectors", options.vectors},
        {"sendmsg", plan.api == Api::sendmsg_zc},
        {"waitall", plan.stream() && options.waitall},
    };
    for (const Mode& mode : mode_table) json[mode.name] = options.*mode.asked;
    json["isolated"] = result.isolated;
    json["peer_xdp"] = result.xdp;
    add_counts(json, sent);
    json["seconds"] = sent.seconds;
    const bool usage = tells_usage(plan) && is_zero_copy(plan.api);
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

}  // namespace zcv::drive
