#include "plots/density.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace zcv {
namespace {

constexpr std::size_t rows_wanted = 180;
constexpr std::size_t columns = 220;
constexpr double row_px = 4;
constexpr double left_px = 130;
constexpr double right_px = 150;
constexpr double head_px = 128;
constexpr double latency_px = 230;

std::uint64_t held_until(const SendHistory& send, std::uint64_t trace_end) {
    return std::max(send.submitted_ns, send.notified_ns.value_or(trace_end));
}

// Long enough for nearly all, and not ruined by one that took a thousand times as long.
std::uint64_t axis_of(const std::vector<const SendHistory*>& sends, std::uint64_t trace_end) {
    std::vector<std::uint64_t> all;
    for (const SendHistory* send : sends)
        all.push_back(held_until(*send, trace_end) - send->submitted_ns);
    const auto at = all.begin() + static_cast<std::ptrdiff_t>(all.size() * 99 / 100);
    std::nth_element(all.begin(), at, all.end());
    return std::max<std::uint64_t>(1000, *at + *at / 10);
}

struct Counts {
    std::vector<std::uint32_t> held = std::vector<std::uint32_t>(columns);
    std::vector<std::uint32_t> reused = std::vector<std::uint32_t>(columns);
};

void count(Counts& counts, const SendHistory& send, std::uint64_t trace_end,
           std::uint64_t axis_ns) {
    const auto column_of = [&](std::uint64_t at) {
        const std::uint64_t after = at > send.submitted_ns ? at - send.submitted_ns : 0;
        return std::min(columns, static_cast<std::size_t>(static_cast<double>(after) * columns /
                                                          static_cast<double>(axis_ns)));
    };
    const std::size_t end = std::min(columns, column_of(held_until(send, trace_end)) + 1);
    const std::size_t written =
        send.reused_early ? column_of(send.reused_ns.value_or(send.submitted_ns)) : columns;
    for (std::size_t column = 0; column < end; ++column) {
        ++counts.held[column];
        if (column >= written) ++counts.reused[column];
    }
}

}  // namespace

DensityFigure lay_out_density(const ReplayReport& report, const LifecycleView& view) {
    std::vector<const SendHistory*> sends = sends_shown(report, view);
    std::stable_sort(sends.begin(), sends.end(), [](const auto* one, const auto* other) {
        return one->submitted_ns < other->submitted_ns;
    });
    DensityFigure figure;
    figure.kind = view.kind;
    figure.theme = view.theme;
    figure.width_px = view.width_px;
    figure.title = view.file;
    figure.verdict = report.verdict;
    std::uint64_t trace_end = 0;
    for (const SendHistory& send : report.history) trace_end = std::max(trace_end, end_of(send));
    const std::uint64_t axis_ns = axis_of(sends, trace_end);
    const double unit_ns = axis_ns < 2'000'000 ? 1e3 : axis_ns < 20'000'000'000 ? 1e6 : 1e9;
    figure.unit = unit_ns == 1e3 ? "us" : unit_ns == 1e6 ? "ms" : "s";
    figure.columns = columns;
    figure.column_units = static_cast<double>(axis_ns) / unit_ns / static_cast<double>(columns);
    figure.sends_a_row = (sends.size() + rows_wanted - 1) / rows_wanted;
    figure.rows = (sends.size() + figure.sends_a_row - 1) / figure.sends_a_row;
    const std::uint64_t first_ns = sends.front()->submitted_ns;
    const std::uint64_t all_ns = sends.back()->submitted_ns - first_ns;
    for (std::size_t row = 0; row < figure.rows; ++row) {
        const std::size_t begin = row * figure.sends_a_row;
        const std::size_t end = std::min(sends.size(), begin + figure.sends_a_row);
        Counts counts;
        for (std::size_t i = begin; i < end; ++i) count(counts, *sends[i], trace_end, axis_ns);
        const double all = static_cast<double>(end - begin);
        for (std::size_t column = 0; column < columns; ++column)
            if (counts.held[column] > 0)
                figure.cells.push_back(
                    {row, column, counts.held[column] / all, counts.reused[column] / all});
        if (row % std::max<std::size_t>(1, figure.rows / 8) == 0)
            figure.when.push_back(
                {row, duration_text(sends[begin]->submitted_ns - first_ns, all_ns)});
    }
    std::size_t misused = 0;
    for (const SendHistory* send : sends) {
        if (send->reused_early) ++misused;
        if (held_until(*send, trace_end) - send->submitted_ns > axis_ns) ++figure.past_edge;
    }
    figure.facts = {fmt::format("kernel {}", view.kernel),
                    fmt::format("{} of {} sends", sends.size(), report.sends),
                    fmt::format("{} a row", figure.sends_a_row),
                    fmt::format("{} reused too early", misused),
                    fmt::format("{} held longer than the axis is long", figure.past_edge)};
    figure.latency = lay_out_latency(sends);
    return figure;
}

namespace {

// Between the ground and a colour; `part` 0 to 1. Not in proportion: a few of many must show.
std::string blended(const char* ground, const char* colour, double part) {
    const auto channel = [](const char* text, int which) {
        return std::stoi(std::string(text + 1 + 2 * which, 2), nullptr, 16);
    };
    std::string mixed = "0x";
    for (int which = 0; which < 3; ++which) {
        const double from = channel(ground, which);
        const double to = channel(colour, which);
        mixed += fmt::format("{:02X}", static_cast<int>(std::lround(from + (to - from) * part)));
    }
    return mixed;
}

double shade(double part) {
    constexpr double shades = 24;
    return part <= 0 ? 0 : std::ceil((0.12 + 0.88 * std::sqrt(part)) * shades) / shades;
}

void write_words(Gnuplot& gp, const DensityFigure& figure, double height_px) {
    const Theme& theme = *figure.theme;
    const auto text = [&](double x, double y, const std::string& words, const std::string& style) {
        gp << fmt::format("set label {} at screen {:.5f},{:.5f} {} front\n", gnuplot_quoted(words),
                          x / figure.width_px, 1 - y / height_px, style);
    };
    text(left_px, 28, figure.title,
         fmt::format("left font 'DejaVu Sans:Bold,16' tc rgb '{}'", theme.ink));
    const char* const colour = figure.verdict == Verdict::clean       ? theme.good
                               : figure.verdict == Verdict::violation ? theme.bad
                                                                      : theme.unknown;
    text(figure.width_px - 20, 28, std::string(name_of(figure.verdict)),
         fmt::format("right font 'DejaVu Sans:Bold,16' tc rgb '{}'", colour));
    std::string facts;
    for (const std::string& fact : figure.facts) facts += (facts.empty() ? "" : ", ") + fact;
    text(left_px, 58, facts, fmt::format("left font ',11' tc rgb '{}'", theme.text));
    // The two scales: what the shades mean.
    double x = left_px;
    const auto scale = [&](const char* of, const std::string& words) {
        for (const double part : {0.01, 0.1, 0.25, 0.5, 1.0}) {
            gp << fmt::format(
                "set object rectangle from screen {:.5f},{:.5f} to screen {:.5f},{:.5f} fs solid "
                "noborder fc rgb {}\n",
                x / figure.width_px, 1 - 80 / height_px, (x + 42) / figure.width_px,
                1 - 96 / height_px, blended(theme.ground, of, shade(part)));
            text(x + 21, 108, fmt::format("{:.0f} %", 100 * part),
                 fmt::format("center font ',8.5' tc rgb '{}'", theme.text));
            x += 42;
        }
        text(x + 10, 88, words, fmt::format("left font ',10.5' tc rgb '{}'", theme.text));
        x += 10 + text_width_px(words, 10.5) + 30;
    };
    scale(theme.phase[2], "of the row's sends still held");
    const bool reused = std::any_of(figure.cells.begin(), figure.cells.end(),
                                    [](const auto& cell) { return cell.reused > 0; });
    if (reused) scale(theme.bad, "... and REUSED already");
}

void write_axes(Gnuplot& gp, const DensityFigure& figure, double height_px, double plot_px) {
    const Theme& theme = *figure.theme;
    gp << fmt::format(
              "set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\nset tmargin at screen "
              "{:.5f}\nset bmargin at screen {:.5f}\nunset key\nset border 3 lc rgb '{}'\n",
              left_px / figure.width_px, 1 - right_px / figure.width_px, 1 - head_px / height_px,
              1 - (head_px + plot_px) / height_px, theme.frame)
       << fmt::format("set tics out nomirror scale 0.6 tc rgb '{}'\n", theme.text)
       << fmt::format("set xrange [0:{:.9g}]\nset yrange [{}:-0.5]\n",
                      figure.column_units * static_cast<double>(figure.columns),
                      static_cast<double>(figure.rows) - 0.5)
       << fmt::format("set xlabel 'time since the submission of each send ({})' tc rgb '{}'\n",
                      figure.unit, theme.text)
       << fmt::format("set ylabel 'submitted after' tc rgb '{}'\nset ytics font ',10' (",
                      theme.text);
    const char* separator = "";
    for (const RowLabel& label : figure.when) {
        gp << separator << gnuplot_quoted(label.text) << ' ' << label.row;
        separator = ", ";
    }
    gp << ")\n";
}

}  // namespace

void draw_density(Gnuplot& gp, const DensityFigure& figure) {
    const Theme& theme = *figure.theme;
    const double plot_px = std::max(300.0, row_px * static_cast<double>(figure.rows));
    const double above_latency = head_px + plot_px + 78;
    const double height_px = above_latency + latency_px;
    gp << "set encoding utf8\n"
       << terminal_of(figure.kind, figure.width_px, static_cast<int>(height_px), theme)
       << "set multiplot\n";
    write_words(gp, figure, height_px);
    write_axes(gp, figure, height_px, plot_px);
    gp << "plot '-' using 1:2:3:4:5 with boxxyerror fs solid noborder fc rgb variable\n";
    // Neighbours of one colour are one box, and boxes overlap a little: seams between them would
    // show as a grating.
    const auto colour_of = [&](const DensityFigure::Cell& cell) {
        return cell.reused > 0 ? blended(theme.ground, theme.bad, shade(cell.reused))
                               : blended(theme.ground, theme.phase[2], shade(cell.held));
    };
    for (std::size_t i = 0; i < figure.cells.size();) {
        const DensityFigure::Cell& first = figure.cells[i];
        const std::string colour = colour_of(first);
        std::size_t cells = 1;
        while (i + cells < figure.cells.size() && figure.cells[i + cells].row == first.row &&
               colour_of(figure.cells[i + cells]) == colour)
            ++cells;
        const double width = static_cast<double>(cells) * figure.column_units;
        gp << fmt::format("{:.7g} {} {:.7g} 0.52 {}\n",
                          static_cast<double>(first.column) * figure.column_units + width / 2,
                          first.row, width / 2 + 0.05 * figure.column_units,
                          std::stoul(colour, nullptr, 16));
        i += cells;
    }
    gp << "e\n";
    if (figure.latency.notified >= latency_sends_min)
        draw_latency(gp, figure.latency,
                     {left_px, above_latency, figure.width_px - left_px - right_px, latency_px - 86,
                      static_cast<double>(figure.width_px), height_px},
                     theme);
    gp << "unset multiplot\n";
}

}  // namespace zcv
