#include "plots/html_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "plots/latency.hpp"
#include "traces/report_findings.hpp"

namespace zcv {
namespace {

// Sends in the table; a browser lays out more only slowly, and --format json has them all.
constexpr std::size_t rows_max = 500;

constexpr std::string_view style = R"(
:root { --ground: #fff; --ink: #111; --text: #404040; --line: #d9d9d9; --panel: #f5f5f5;
  --bad: #b84e00; --good: #00785a; --unknown: #595959; --unsure: #8a6100;
  color-scheme: light dark; }
@media screen and (prefers-color-scheme: dark) { :root { --ground: #15181c; --ink: #f2f2f2;
  --text: #d0d3d6; --line: #3a4047; --panel: #22272d; --bad: #ff8a3d; --good: #1fbf92;
  --unknown: #a9aeb4; --unsure: #e6b422; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 24px; background: var(--ground);
  color: var(--text); font: 15px/1.5 "DejaVu Sans", Verdana, sans-serif; }
h1 { color: var(--ink); font-size: 24px; margin: 0; overflow-wrap: anywhere; }
h2 { color: var(--ink); font-size: 18px; margin: 36px 0 10px; }
h3 { color: var(--ink); font-size: 16px; margin: 0 0 8px; }
code, pre { font-family: "DejaVu Sans Mono", monospace; font-size: 13px; }
pre { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: 4px 14px 4px 0;
  border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.verdict { font-size: 22px; font-weight: bold; }
.CLEAN { color: var(--good); } .VIOLATION { color: var(--bad); }
.INCONCLUSIVE { color: var(--unknown); }
.card { background: var(--panel); border-left: 6px solid var(--bad); padding: 14px 18px;
  margin: 14px 0; overflow-wrap: anywhere; }
.card.warning { border-color: var(--unsure); } .card.note { border-color: var(--unknown); }
.card dl { display: grid; grid-template-columns: 90px 1fr; gap: 4px 12px; margin: 0; }
.card dt { font-weight: bold; } .card dd { margin: 0; min-width: 0; }
.wide { overflow-x: auto; }
.figure svg { max-width: 100%; height: auto; }
.dark { display: none; }
@media screen and (prefers-color-scheme: dark) { .dark { display: block; }
  .light { display: none; } }
tr.bad td { color: var(--bad); font-weight: bold; }
)";

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            default:
                safe += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? '?' : c;
        }
    }
    return safe;
}

// Replaces each occurrence.
void replace(std::string& text, std::string_view what, std::string_view with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
}

// gnuplot's SVG as a part of the page: without the declarations of a file, and with names of its
// own, because two pictures in one page must not share them.
std::string inlined(std::string svg, const std::string& prefix) {
    if (const std::size_t begin = svg.find("<svg"); begin != std::string::npos) svg.erase(0, begin);
    if (const std::size_t end = svg.rfind("</svg>"); end != std::string::npos)
        svg.resize(end + std::string_view("</svg>").size());
    for (const std::string_view space :
         {" xmlns=\"http://www.w3.org/2000/svg\"", " xmlns:xlink=\"http://www.w3.org/1999/xlink\""})
        replace(svg, space, "");
    replace(svg, "xlink:href=", "href=");
    for (const char quote : {'"', '\''}) {
        replace(svg, std::string(" id=") + quote, std::string(" id=") + quote + prefix);
        replace(svg, std::string("href=") + quote + '#',
                std::string("href=") + quote + '#' + prefix);
    }
    replace(svg, "url(#", "url(#" + prefix);
    return svg;
}

class Page {
  public:
    explicit Page(const HtmlReport& of) : of_(of), report_(of.report) {}

    std::string text() && {
        head();
        facts();
        findings(report_.violations, "Findings");
        if (report_.divergence) divergence(*report_.divergence);
        figures();
        findings(report_.notes, "Worth knowing");
        sends();
        add("<h2>Again</h2>\n<pre>zcv replay {0}\nzcv report {0} -o report.html</pre>\n",
            escaped(of_.file));
        add("</body>\n</html>\n");
        return std::move(html_);
    }

  private:
    template <class... Values>
    void add(fmt::format_string<Values...> form, Values&&... values) {
        fmt::format_to(std::back_inserter(html_), form, std::forward<Values>(values)...);
    }
    void row(std::string_view what, std::string_view value) {
        add("<tr><th>{}</th><td>{}</td></tr>\n", what, escaped(value));
    }
    // A term of a finding and what it is.
    void term(std::string_view name, std::string_view value) {
        if (!value.empty()) add("<dt>{}</dt><dd>{}</dd>\n", name, escaped(value));
    }

    void head();
    void facts();
    void finding(const Finding& finding);
    void findings(const std::vector<Violation>& all, const char* title);
    void divergence(const Divergence& divergence);
    void figures();
    void sends();

    const HtmlReport& of_;
    const ReplayReport& report_;
    std::string html_;
};

std::string in_one_sentence(const ReplayReport& report) {
    const auto misused = std::count_if(report.history.begin(), report.history.end(),
                                       [](const SendHistory& send) { return send.reused_early; });
    if (misused > 0)
        return fmt::format("{} of {} sends were written again before the kernel had let go.",
                           misused, report.sends);
    if (report.divergence) return "The kernel did what its model does not allow.";
    if (report.verdict == Verdict::violation)
        return fmt::format("{} of {} sends broke a rule.", report.violations.size(), report.sends);
    if (report.verdict == Verdict::clean)
        return fmt::format("All {} sends kept every rule.", report.sends);
    return report.reasons.empty() ? std::string("Nothing can be said.") : report.reasons.front();
}

void Page::head() {
    add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>zcv: {} {}</title>\n"
        "<style>{}</style>\n</head>\n<body>\n",
        escaped(of_.file), name_of(report_.verdict), style);
    add("<h1>{}</h1>\n<p><span class=\"verdict {}\">{}</span><br>{}</p>\n", escaped(of_.file),
        name_of(report_.verdict), name_of(report_.verdict), escaped(in_one_sentence(report_)));
}

void Page::facts() {
    const TraceInfo& info = of_.trace.info;
    std::string command;
    for (const std::string& word : info.command) command += (command.empty() ? "" : " ") + word;
    add("<table>\n");
    row("kernel", info.kernel_release);
    row("held against", "profile " + report_.profile);
    row("captured", fmt::format("{} by {}", info.started, info.tool));
    row("command", command);
    row("records",
        fmt::format("{} of {} explained, {} lost", report_.matched, report_.records, report_.lost));
    row("sends", fmt::format("{}: {} completed, {} released, {} notified, {} reported as copied",
                             report_.sends, report_.completed, report_.released, report_.notified,
                             report_.copied));
    row("content hashes", info.hash.empty() ? "none" : info.hash);
    for (const std::string& reason : report_.reasons) row("because", reason);
    add("</table>\n");
}

void Page::finding(const Finding& finding) {
    const Violation& first = *finding.first;
    const Rule& rule = *first.rule;
    add("<div class=\"card {}\">\n<h3>{} {}{}</h3>\n<dl>\n", name_of(first.severity),
        escaped(rule.id), escaped(short_name(rule)),
        finding.sends.size() > 1 ? fmt::format(", {} times", finding.sends.size()) : "");
    term("harm", rule.harm);
    term("what", rule.says);
    if (first.explanation != rule.says) term("", first.explanation);
    const SendHistory* const send = send_of(first, report_);
    if (send != nullptr)
        term("where", fmt::format("send #{}, {}, {} {:#x}, socket {:#x}, buffer {:#x}, {} bytes, "
                                  "process {}",
                                  send->number, kind_of(*send), send->is_call ? "id" : "user_data",
                                  send->user_data, send->sock, send->addr, send->len, send->tgid));
    term("seen", first.evidence);
    std::string stack;
    for (const std::string& frame : first.stack) stack += frame + '\n';
    if (!stack.empty()) add("<dt>who</dt><dd><pre>{}</pre></dd>\n", escaped(stack));
    if (send != nullptr)
        add("<dt>when</dt><dd><pre>{}\n{}</pre></dd>\n", escaped(timeline(*send, 72)),
            escaped(timeline_legend));
    term(is_of_the_kernel(rule) ? "kernel" : "fix", rule.fix);
    term("more", fmt::format("zcv explain {}", rule.id));
    add("</dl>\n</div>\n");
}

void Page::findings(const std::vector<Violation>& all, const char* title) {
    if (all.empty()) return;
    add("<h2>{}</h2>\n", title);
    for (const Finding& each : fold(all, of_.trace)) finding(each);
}

void Page::divergence(const Divergence& divergence) {
    add("<h2>First divergence</h2>\n<p>{}</p>\n", escaped(divergence.what));
    const auto list = [&](const char* title, const std::vector<std::string>& lines) {
        if (lines.empty()) return;
        add("<p>{}:</p>\n<pre>", title);
        for (const std::string& line : lines) add("{}\n", escaped(line));
        add("</pre>\n");
    };
    if (!divergence.previous.empty()) add("<p>Before that, {}</p>\n", escaped(divergence.previous));
    list("It changed", divergence.changed);
    list("The model here", divergence.around);
    list("What could have happened instead", divergence.instead);
}

void Page::figures() {
    if (of_.picture.empty()) return;
    add("<h2>Who held each buffer, and for how long</h2>\n"
        "<div class=\"figure light\">\n{}\n</div>\n<div class=\"figure dark\">\n{}\n</div>\n",
        inlined(of_.picture, "light-"), inlined(of_.dark_picture, "dark-"));
}

void Page::sends() {
    if (report_.history.empty()) return;
    const std::uint64_t start = report_.history.front().submitted_ns;
    add("<h2>Sends</h2>\n<details><summary>{} of {}, those reused too early first</summary>\n"
        "<div class=\"wide\"><table>\n<tr><th class=\"number\">#</th><th>user_data</th>"
        "<th>buffer</th><th class=\"number\">bytes</th><th class=\"number\">submitted</th>"
        "<th class=\"number\">own CQE</th><th class=\"number\">released</th>"
        "<th class=\"number\">notified</th><th>reused</th></tr>\n",
        std::min(rows_max, report_.history.size()), report_.history.size());
    std::vector<const SendHistory*> order;
    for (const SendHistory& send : report_.history) order.push_back(&send);
    std::stable_sort(order.begin(), order.end(), [](const auto* one, const auto* other) {
        return one->reused_early > other->reused_early;
    });
    order.resize(std::min(rows_max, order.size()));
    for (const SendHistory* send : order) {
        const auto after = [&](const std::optional<std::uint64_t>& at) {
            return !at ? std::string("-")
                       : "+" +
                             duration_text(*at > send->submitted_ns ? *at - send->submitted_ns : 0);
        };
        add("<tr{}><td class=\"number\">{}</td><td>{:#x}</td><td>{:#x}</td>"
            "<td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>"
            "<td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td></tr>\n",
            send->reused_early ? " class=\"bad\"" : "", send->number, send->user_data, send->addr,
            send->len, duration_text(send->submitted_ns - std::min(start, send->submitted_ns)),
            after(send->completed_ns), after(send->released_ns), after(send->notified_ns),
            send->reused_early ? "TOO EARLY " + after(send->reused_ns) : after(send->reused_ns));
    }
    add("</table></div></details>\n");
}

}  // namespace

std::string html_of(const HtmlReport& of) {
    return Page(of).text();
}

}  // namespace zcv
