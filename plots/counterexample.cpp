#include "plots/counterexample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "plots/canvas.hpp"

namespace zcv {
namespace {

using checker::CounterexampleStep;

constexpr double margin_px = 28;
constexpr double number_px = 34;
constexpr double name_points = 10;
constexpr double small_points = 8.5;
constexpr double line_px = 16;
constexpr double between_px = 16;  // the arrow from one step to the next
constexpr std::size_t changes_columns = 76;

struct Row {
    const CounterexampleStep* step = nullptr;
    std::size_t lane = 0;
    std::string place;
    std::vector<std::string> changes;
    double top = 0;
    double box_px = 0;
    double height_px = 0;
};

struct Chart {
    std::vector<std::string> lanes;
    std::vector<double> lane_x;  // the middle of each
    std::vector<double> lane_px;
    std::vector<Row> rows;
    std::vector<std::string> summary;  // what it means, broken into lines
    double top_px = 0;                 // where the first row begins
    double changes_x = 0;
    double width_px = 0;
    double height_px = 0;
};

// The numbers of the lines in a box: its name, what it is about, where to read it.
std::size_t lines_in_box(const Row& row) {
    return 1 + (row.step->params.empty() ? 0U : 1U) + (row.place.empty() ? 0U : 1U);
}

double box_width(const Row& row) {
    return std::max({text_width_px(row.step->step, name_points) * 1.06,
                     text_width_px(row.step->params, small_points),
                     text_width_px(row.place, small_points)}) +
           18;
}

// Words into lines no wider than `room`.
std::vector<std::string> wrapped(const std::string& text, double points, double room) {
    std::vector<std::string> lines(1);
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        const std::string word = text.substr(begin, end - begin);
        const std::string longer = lines.back().empty() ? word : lines.back() + ' ' + word;
        if (lines.back().empty() || text_width_px(longer, points) <= room)
            lines.back() = longer;
        else
            lines.push_back(word);
        begin = end + 1;
    }
    return lines;
}

void place_lanes(Chart& chart) {
    chart.lane_px.assign(chart.lanes.size(), 0);
    for (std::size_t lane = 0; lane < chart.lanes.size(); ++lane)
        chart.lane_px[lane] = text_width_px(chart.lanes[lane], name_points + 1) * 1.1 + 28;
    for (const Row& row : chart.rows)
        chart.lane_px[row.lane] = std::max(chart.lane_px[row.lane], box_width(row));
    double x = margin_px + number_px;
    for (const double lane : chart.lane_px) {
        chart.lane_x.push_back(x + lane / 2);
        x += lane + 14;
    }
    chart.changes_x = x + 12;
}

Chart lay_out(const std::vector<CounterexampleStep>& steps, const CounterexampleView& view) {
    Chart chart;
    chart.lanes = lanes_of(steps);
    for (const CounterexampleStep& step : steps) {
        Row row;
        row.step = &step;
        row.lane = static_cast<std::size_t>(
            std::find(chart.lanes.begin(), chart.lanes.end(), step.context) - chart.lanes.begin());
        row.place = checker::place_of(step);
        row.changes = checker::lines_of(step.changes, changes_columns);
        chart.rows.push_back(row);
    }
    place_lanes(chart);
    double widest = 0;
    for (const Row& row : chart.rows)
        for (const std::string& line : row.changes)
            widest = std::max(widest, text_width_px(line, small_points + 0.5));
    chart.width_px = std::ceil(std::max(chart.changes_x + widest + margin_px, 760.0));
    chart.summary = wrapped(view.breaks, 11, chart.width_px - 2 * margin_px);
    chart.top_px = 64 + 22 * static_cast<double>(chart.summary.size()) + 70;
    double y = chart.top_px;
    for (Row& row : chart.rows) {
        row.top = y;
        row.box_px = 10 + line_px * static_cast<double>(lines_in_box(row));
        row.height_px = std::max(row.box_px, 6 + line_px * static_cast<double>(row.changes.size()));
        y += row.height_px + between_px;
    }
    chart.height_px = y + 22;
    return chart;
}

void draw_head(Canvas& canvas, const Chart& chart, const CounterexampleView& view) {
    const Theme& theme = *view.theme;
    canvas.text(margin_px, 30, view.scenario, 16, theme.ink, Canvas::Align::left, true);
    canvas.text(chart.width_px - margin_px, 30, view.broken.empty() ? "no violation" : view.broken,
                14, view.broken.empty() ? theme.good : theme.bad, Canvas::Align::right, true);
    canvas.text(margin_px, 56, view.world, 10, theme.text);
    double y = 82;
    for (const std::string& line : chart.summary) {
        canvas.text(margin_px, y, line, 11, theme.ink);
        y += 22;
    }
    const double head = chart.top_px - 40;
    for (std::size_t lane = 0; lane < chart.lanes.size(); ++lane) {
        const double half = chart.lane_px[lane] / 2;
        canvas.line(chart.lane_x[lane], head + 14, chart.lane_x[lane], chart.height_px - 14,
                    theme.frame, "lw 1 dt 3");
        canvas.box(chart.lane_x[lane] - half, head - 14, 2 * half, 28, theme.panel, theme.frame);
        canvas.text(chart.lane_x[lane], head, chart.lanes[lane], name_points + 1, theme.ink,
                    Canvas::Align::center, true);
    }
    canvas.text(chart.changes_x, head, "what changes", name_points + 1, theme.ink,
                Canvas::Align::left, true);
}

void draw_row(Canvas& canvas, const Chart& chart, const Row& row, bool breaks, const Theme& theme) {
    const double half = box_width(row) / 2;
    const double x = chart.lane_x[row.lane];
    const char* const ink = breaks ? "#FFFFFF" : theme.ink;
    const char* const quiet = breaks ? "#FFFFFF" : theme.text;
    canvas.text(margin_px + number_px - 12, row.top + 5 + line_px / 2,
                fmt::format("{}", row.step->number), name_points, theme.text, Canvas::Align::right);
    canvas.box(x - half, row.top, 2 * half, row.box_px, breaks ? theme.bad : theme.ground,
               breaks ? theme.bad : theme.phase[2]);
    double y = row.top + 5 + line_px / 2;
    canvas.text(x, y, row.step->step, name_points, ink, Canvas::Align::center, true);
    for (const std::string& line : {row.step->params, row.place}) {
        if (line.empty()) continue;
        y += line_px;
        canvas.text(x, y, line, small_points, quiet, Canvas::Align::center);
    }
    y = row.top + 5 + line_px / 2;
    for (const std::string& line : row.changes) {
        canvas.text(chart.changes_x, y, line, small_points + 0.5, theme.text);
        y += line_px;
    }
}

// Back to the step from which it repeats, along the left edge.
void draw_repeat(Canvas& canvas, const Chart& chart, const checker::Repeat& repeat,
                 const Theme& theme) {
    const Row& last = chart.rows.back();
    const double bottom = last.top + last.height_px + 16;
    if (repeat.from >= chart.rows.size()) {
        canvas.text(chart.lane_x.front() - chart.lane_px.front() / 2, bottom,
                    repeat.over ? "nothing more can happen" : "nobody is obliged to anything more",
                    name_points, theme.bad, Canvas::Align::left, true);
        return;
    }
    const double x = margin_px - 10;
    const double up = chart.rows[repeat.from].top + 5 + line_px / 2;
    canvas.line(x + 8, bottom - 8, x, bottom - 8, theme.bad, "lw 2");
    canvas.line(x, bottom - 8, x, up, theme.bad, "lw 2");
    canvas.arrow(x, up, x + 14, up, theme.bad, 2);
    canvas.text(x + 14, bottom - 8, "and so on for ever", name_points, theme.bad,
                Canvas::Align::left, true);
}

}  // namespace

std::vector<std::string> lanes_of(const std::vector<CounterexampleStep>& steps) {
    constexpr std::array<std::string_view, 10> order{
        "application", "syscall", "io-wq",  "task work", "workqueue",
        "kthread",     "softirq", "device", "peer",      "exit"};
    std::vector<std::string> lanes;
    const auto place = [&](const std::string& lane) {
        return std::find(order.begin(), order.end(), lane) - order.begin();
    };
    for (const CounterexampleStep& step : steps)
        if (std::find(lanes.begin(), lanes.end(), step.context) == lanes.end())
            lanes.push_back(step.context);
    std::stable_sort(lanes.begin(), lanes.end(),
                     [&](const auto& one, const auto& other) { return place(one) < place(other); });
    return lanes;
}

void draw_counterexample(Gnuplot& gp, const std::vector<CounterexampleStep>& steps,
                         const std::optional<checker::Repeat>& repeat,
                         const CounterexampleView& view) {
    const Theme& theme = *view.theme;
    const Chart chart = lay_out(steps, view);
    Canvas canvas(gp, view.kind, chart.width_px, chart.height_px, theme);
    draw_head(canvas, chart, view);
    for (std::size_t i = 1; i < chart.rows.size(); ++i) {
        const Row& from = chart.rows[i - 1];
        const Row& to = chart.rows[i];
        canvas.arrow(chart.lane_x[from.lane], from.top + from.box_px, chart.lane_x[to.lane], to.top,
                     theme.frame, 1.4);
    }
    for (const Row& row : chart.rows)
        draw_row(canvas, chart, row, !repeat && &row == &chart.rows.back(), theme);
    if (repeat && !chart.rows.empty()) draw_repeat(canvas, chart, *repeat, theme);
    canvas.finish();
}

}  // namespace zcv
