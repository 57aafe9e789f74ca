#include "plots/latency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace zcv {
namespace {

constexpr std::size_t bins_max = 48;

struct Unit {
    double ns;
    const char* name;
};

Unit unit_for(std::uint64_t ns) {
    if (ns < 2'000'000) return {1e3, "us"};
    if (ns < 20'000'000'000) return {1e6, "ms"};
    return {1e9, "s"};
}

// The value that `percent` of the sorted ones do not exceed.
std::uint64_t percentile(const std::vector<std::uint64_t>& sorted, std::size_t percent) {
    return sorted[(sorted.size() * percent + 99) / 100 - 1];
}

// Ends of the axis with some air on both sides, so that no bar stands on the frame.
std::pair<double, double> axis_of(const LatencyFigure& figure) {
    const double factor = figure.bins.front().to_ns / figure.bins.front().from_ns;
    return {figure.bins.front().from_ns / factor, figure.bins.back().to_ns * factor};
}

void write_ticks(Gnuplot& gp, const std::vector<double>& ticks) {
    const char* separator = "set xtics (";
    for (const double at : ticks) {
        gp << fmt::format("{}'{:g}' {:.9g}", separator, at, at);
        separator = ", ";
    }
    gp << ")\n";
}

void write_axes(Gnuplot& gp, const LatencyFigure& figure, const Panel& panel, const Theme& theme,
                const Unit& unit) {
    const auto x = [&](double px) { return px / panel.picture_width; };
    const auto y = [&](double px) { return 1 - px / panel.picture_height; };
    const auto [from, to] = axis_of(figure);
    std::uint64_t most = 1;
    for (const auto& bin : figure.bins) most = std::max(most, bin.sends);
    gp << "unset label\nunset arrow\nunset object\nunset key\nunset y2tics\nset xtics auto\n"
       << fmt::format("set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\n", x(panel.left),
                      x(panel.left + panel.width))
       << fmt::format("set tmargin at screen {:.5f}\nset bmargin at screen {:.5f}\n", y(panel.top),
                      y(panel.top + panel.height))
       << fmt::format("set border 3 lc rgb '{}'\nset grid ytics lt 1 lw 1 lc rgb '{}'\n",
                      theme.frame, theme.grid)
       << "unset grid\nset logscale x\n"
       << fmt::format("set xrange [{:.9g}:{:.9g}]\nset yrange [0:{:.9g}]\n", from / unit.ns,
                      to / unit.ns, static_cast<double>(most) * 1.6)
       << fmt::format(
              "set format x '%g'\nset xtics font ',10' tc rgb '{0}'\n"
              "unset ytics\nset ytics nomirror auto font ',10' tc rgb '{0}'\nset format y '%.0f'\n"
              "set xlabel 'from submission to notification ({1})' tc rgb '{0}'\n"
              "set ylabel 'sends' tc rgb '{0}'\n",
              theme.text, unit.name);
    if (most < 5) gp << "set ytics 1\n";
    write_ticks(gp, log_ticks(from / unit.ns, to / unit.ns));
}

struct Percentile {
    const char* name;
    std::uint64_t ns;
};

// Each on a height of its own, and so that no line crosses the words of another: those with words
// at their right go down to the right, those with words at their left down to the left.
void write_percentiles(Gnuplot& gp, const LatencyFigure& figure, const Theme& theme,
                       const Unit& unit) {
    std::vector<Percentile> all{{"half within", figure.p50_ns}};
    if (figure.notified >= 100) all.push_back({"99 % within", figure.p99_ns});
    all.push_back({"longest", figure.most_ns});
    const auto [from, to] = axis_of(figure);
    const auto words_left = [from = from, to = to](const Percentile& each) {
        return std::log(static_cast<double>(each.ns) / from) / std::log(to / from) > 0.6;
    };
    std::stable_partition(all.begin(), all.end(),
                          [&](const Percentile& each) { return !words_left(each); });
    std::reverse(std::find_if(all.begin(), all.end(), words_left), all.end());
    double height = 1;
    for (const Percentile& each : all) {
        const double at = static_cast<double>(each.ns) / unit.ns;
        const bool left = words_left(each);
        gp << fmt::format(
                  "set arrow from first {0:.9g}, graph 0 to first {0:.9g}, graph {1} nohead front "
                  "lw 1.5 dt 2 lc rgb '{2}'\n",
                  at, height, theme.ink)
           << fmt::format(
                  "set label {} at first {:.9g}, graph {} {} offset {},0 front font ',10' tc rgb "
                  "'{}'\n",
                  gnuplot_quoted(fmt::format("{} {}", each.name, duration_text(each.ns))), at,
                  height - 0.04, left ? "right" : "left", left ? "-0.6" : "0.6", theme.ink);
        height -= 0.13;
    }
}

}  // namespace

std::string duration_text(std::uint64_t ns) {
    return duration_text(ns, ns);
}

std::string duration_text(std::uint64_t ns, std::uint64_t longest_ns) {
    const Unit unit = unit_for(longest_ns);
    const double value = static_cast<double>(ns) / unit.ns;
    const int decimals = value == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return fmt::format("{:.{}f} {}", value, decimals, unit.name);
}

std::vector<double> log_ticks(double from, double to) {
    std::vector<double> ticks;
    const auto add = [&](double at) {
        if (at >= from && at <= to) ticks.push_back(at);
    };
    if (to / from < 5) {
        const double step = std::pow(10, std::floor(std::log10((to - from) / 2)));
        const double wider = (to - from) / step > 10 ? 5 * step : step;
        for (double at = std::ceil(from / wider) * wider; at <= to; at += wider) add(at);
        return ticks;
    }
    for (double power = std::pow(10, std::floor(std::log10(from))); power <= to; power *= 10) {
        add(power);
        if (to / from > 2000) continue;
        add(2 * power);
        add(5 * power);
    }
    return ticks;
}

LatencyFigure lay_out_latency(const std::vector<const SendHistory*>& sends) {
    LatencyFigure figure;
    std::vector<std::uint64_t> all;
    const auto latency = [](const SendHistory& send) {
        return std::max<std::uint64_t>(
            1, *send.notified_ns > send.submitted_ns ? *send.notified_ns - send.submitted_ns : 0);
    };
    for (const SendHistory* send : sends)
        if (send->notified_ns) all.push_back(latency(*send));
    std::sort(all.begin(), all.end());
    figure.notified = all.size();
    if (all.empty()) return figure;
    figure.p50_ns = percentile(all, 50);
    figure.p99_ns = percentile(all, 99);
    figure.most_ns = all.back();
    const double least = static_cast<double>(all.front());
    const double most = static_cast<double>(all.back()) * 1.0001;
    // Of few sends few bins: otherwise every bar is one send high.
    const auto wanted = static_cast<std::size_t>(2 * std::sqrt(static_cast<double>(all.size())));
    const std::size_t bins = std::clamp<std::size_t>(wanted, 6, bins_max);
    const double factor = std::max(1.02, std::pow(most / least, 1 / static_cast<double>(bins)));
    for (std::size_t bin = 0; bin < bins; ++bin) {
        const double from = least * std::pow(factor, static_cast<double>(bin));
        figure.bins.push_back({from, from * factor, 0, 0});
    }
    for (const SendHistory* send : sends) {
        if (!send->notified_ns) continue;
        const double at = std::log(static_cast<double>(latency(*send)) / least) / std::log(factor);
        auto& bin = figure.bins[std::min(bins - 1, static_cast<std::size_t>(std::max(0.0, at)))];
        ++bin.sends;
        if (send->reused_early) ++bin.misused;
    }
    return figure;
}

void draw_latency(Gnuplot& gp, const LatencyFigure& figure, const Panel& panel,
                  const Theme& theme) {
    const Unit unit = unit_for(figure.p50_ns);
    write_axes(gp, figure, panel, theme, unit);
    write_percentiles(gp, figure, theme, unit);
    using Box = std::tuple<double, double, double, double, double, double>;
    std::vector<Box> all;
    std::vector<Box> misused;
    const auto add = [&](std::vector<Box>& boxes, const LatencyFigure::Bin& bin,
                         std::uint64_t sends) {
        if (sends == 0) return;
        const double middle = std::sqrt(bin.from_ns * bin.to_ns);
        boxes.emplace_back(middle / unit.ns, 0, bin.from_ns / unit.ns, bin.to_ns / unit.ns, 0,
                           static_cast<double>(sends));
    };
    for (const auto& bin : figure.bins) {
        add(all, bin, bin.sends);
        add(misused, bin, bin.misused);
    }
    const auto style = [&](const char* colour, const char* edge) {
        return fmt::format(
            "'-' using 1:2:3:4:5:6 with boxxyerror fs solid border lc rgb '{}' fc rgb '{}'", edge,
            colour);
    };
    gp << "plot " << style(theme.phase[2], theme.ground);
    if (!misused.empty()) gp << ", " << style(theme.bad, theme.ink);
    gp << '\n';
    gp.send1d(all);
    if (!misused.empty()) gp.send1d(misused);
}

}  // namespace zcv
