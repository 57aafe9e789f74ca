#include "plots/lifecycle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iomanip>
#include <ios>
#include <tuple>

namespace zcv {
namespace {

constexpr double strip_row_px = 4.5;  // from here on the phases stay visible above a misuse
constexpr double hatch_row_px = 9;    // hatching needs room; thinner bars are only made lighter

using Box = std::tuple<double, double, double, double>;
using Point = std::tuple<double, double>;

// Bars of thin rows touch, so that 500 of them read as a surface and not as a grating.
double half_height(const LifecycleFigure& figure) {
    if (!figure.details.empty()) return figure.details_size.bar_half / figure.row_px;
    return figure.row_px >= 12 ? 0.36 : figure.row_px >= 6 ? 0.42 : 0.5;
}

// One entry of gnuplot's plot command with the data that goes with it.
struct Series {
    std::string style;
    std::vector<Box> boxes;
    std::vector<Point> points;
};

Series boxes(const std::vector<Span>& spans, double low, double high, const std::string& style) {
    Series series{"using 1:2:3:4 with boxxyerror " + style, {}, {}};
    for (const Span& span : spans) {
        const double row = static_cast<double>(span.row);
        series.boxes.emplace_back((span.from + span.to) / 2, row + (low + high) / 2,
                                  (span.to - span.from) / 2, (high - low) / 2);
    }
    return series;
}

Series points(const std::vector<Mark>& marks, const std::string& style) {
    Series series{"using 1:2 with points " + style, {}, {}};
    for (const Mark& mark : marks) {
        series.points.emplace_back(mark.at, static_cast<double>(mark.row));
    }
    return series;
}

// A tick from `low` to `high` rows around the middle of its row.
Series ticks(const std::vector<Mark>& marks, double low, double high, const std::string& style) {
    Series series{"using 1:2:3:4 with vectors nohead " + style, {}, {}};
    for (const Mark& mark : marks) {
        series.boxes.emplace_back(mark.at, static_cast<double>(mark.row) + low, 0, high - low);
    }
    return series;
}

// gnuplot's SVG has larger points than its other kinds.
double point_size(const LifecycleFigure& figure, double size) {
    return figure.kind == PictureKind::svg ? size * 0.6 : size;
}

double marker_size(const LifecycleFigure& figure) {
    return point_size(figure, std::clamp(figure.row_px / 14, 0.45, 1.7));
}

std::string copied_style(const LifecycleFigure& figure) {
    return fmt::format("fs transparent {} noborder fc rgb '{}'",
                       figure.row_px >= hatch_row_px ? "pattern 4" : "solid 0.6",
                       figure.theme->ground);
}

constexpr const char* unsure_style = "fs solid noborder fc rgb '#E69F00'";

// In grey print its colour is that of what is on the wire; the edge is not.
std::string misused_style(const LifecycleFigure& figure) {
    const bool edged = figure.row_px >= hatch_row_px;
    return fmt::format("fs solid {} fc rgb '{}' lw 1",
                       edged ? fmt::format("border lc rgb '{}'", figure.theme->ink) : "noborder",
                       figure.theme->bad);
}

// White inside black: it stands out on every colour of a bar, the misuse's own included.
std::string misuse_marker_fill(double size) {
    return fmt::format("pt 13 ps {:.2f} lc rgb 'white'", size);
}

std::string misuse_marker_edge(double size) {
    return fmt::format("pt 12 ps {:.2f} lw 1.6 lc rgb 'black'", size);
}

std::vector<Series> series_of(const LifecycleFigure& figure) {
    const double half = half_height(figure);
    const double size = marker_size(figure);
    const bool thick = figure.row_px >= hatch_row_px;
    const double misuse_top = figure.row_px >= strip_row_px ? -half * 0.45 : -half;
    std::vector<Series> all;
    for (std::size_t phase = 0; phase < phase_count; ++phase) {
        all.push_back(
            boxes(figure.phases[phase], -half, half,
                  fmt::format("fs solid noborder fc rgb '{}'", figure.theme->phase[phase])));
    }
    all.push_back(boxes(figure.copied, -half, half, copied_style(figure)));
    all.push_back(boxes(figure.misused_unsure, misuse_top, half, unsure_style));
    all.push_back(boxes(figure.misused, misuse_top, half, misused_style(figure)));
    all.push_back(ticks(figure.completed, -half - std::min(0.06, 3 / figure.row_px),
                        thick ? 0.02 : half,
                        fmt::format("lw {} lc rgb '{}'", thick ? 2 : 1, figure.theme->ink)));
    all.push_back(points(
        figure.reused, fmt::format("pt 7 ps {:.2f} lc rgb '{}'", size * 0.7, figure.theme->good)));
    all.push_back(points(figure.unnotified, fmt::format("pt 2 ps {:.2f} lw 1.5 lc rgb '{}'",
                                                        size * 0.7, figure.theme->ink)));
    all.push_back(points(figure.cut, fmt::format("pt 1 ps {:.2f} lw 1.5 lc rgb '{}'", size * 0.7,
                                                 figure.theme->frame)));
    if (thick) {
        all.push_back(points(figure.misuse_marks, misuse_marker_fill(size)));
        all.push_back(points(figure.misuse_marks, misuse_marker_edge(size)));
    }
    all.push_back(points(figure.misuse_flags,
                         fmt::format("pt 5 ps {:.2f} lc rgb '{}'", size * 0.6, figure.theme->bad)));
    all.erase(std::remove_if(all.begin(), all.end(),
                             [](const Series& s) { return s.boxes.empty() && s.points.empty(); }),
              all.end());
    return all;
}

// An entry of the legend: what is drawn as its sample, and the words.
struct Entry {
    enum class Sample { box, point, tick } sample;
    std::vector<std::string> styles;
    std::string words;
    double x = 0;  // from the left and from the top, in pixels
    double y = 0;

    double sample_px() const { return sample == Sample::box ? 26 : 14; }
    double width_px() const { return sample_px() + 8 + text_width_px(words, 10.5) + 20; }
};

constexpr double title_px = 28;
constexpr double facts_px = 58;
constexpr double line_px = 25;
constexpr double words_points = 11;
constexpr double below_plot_px = 70;
constexpr double latency_px = 230;

bool has_latency(const LifecycleFigure& figure) {
    return figure.latency.notified >= latency_sends_min;
}

// The texts and the legend above the plot, broken into lines that fit the width.
struct Header {
    std::vector<std::string> lines;
    std::vector<Entry> legend;
    double height_px = 0;
    double notes_px = 0;    // where what stands below the plot ends
    double picture_px = 0;  // of all, the panel of latencies included
};

std::vector<std::string> broken_into_lines(const std::vector<std::string>& words, double room) {
    std::vector<std::string> lines;
    for (const std::string& word : words) {
        const std::string longer = lines.empty() ? word : lines.back() + ", " + word;
        if (!lines.empty() && text_width_px(longer, words_points) <= room) {
            lines.back() = longer;
        } else {
            if (!lines.empty()) lines.back() += ",";
            lines.push_back(word);
        }
    }
    return lines;
}

// Only what the figure shows gets an entry.
std::vector<Entry> legend_of(const LifecycleFigure& figure) {
    using Sample = Entry::Sample;
    std::vector<Entry> all;
    const auto add = [&](bool shown, Sample sample, const std::vector<std::string>& styles,
                         const std::string& words) {
        if (shown) all.push_back({sample, styles, words});
    };
    for (std::size_t phase = 0; phase < phase_count; ++phase) {
        add(!figure.phases[phase].empty(), Sample::box,
            {fmt::format("fs solid noborder fc rgb '{}'", figure.theme->phase[phase])},
            name_of(static_cast<SendPhase>(phase)));
    }
    add(!figure.completed.empty(), Sample::tick, {}, "the request's own CQE");
    add(!figure.reused.empty(), Sample::point,
        {fmt::format("pt 7 ps {:.2f} lc rgb '{}'", point_size(figure, 1), figure.theme->good)},
        "reused, after the notification");
    add(!figure.misused.empty(), Sample::box, {misused_style(figure)}, "REUSED, not yet notified");
    add(!figure.misused_unsure.empty(), Sample::box, {unsure_style}, "REUSED somewhere in here");
    add(!figure.misuse_marks.empty() && figure.row_px >= hatch_row_px, Sample::point,
        {misuse_marker_fill(point_size(figure, 1.5)), misuse_marker_edge(point_size(figure, 1.5))},
        "the early reuse, at the latest here");
    add(!figure.misuse_flags.empty(), Sample::point,
        {fmt::format("pt 5 ps {:.2f} lc rgb '{}'", point_size(figure, 0.8), figure.theme->bad)},
        "row with an early reuse");
    add(!figure.copied.empty(), Sample::box,
        {fmt::format("fs solid noborder fc rgb '{}'", figure.theme->phase[2]),
         copied_style(figure)},
        "copied by the kernel");
    add(!figure.details.empty(), Sample::box,
        {fmt::format("fs solid border lc rgb '{}' fc rgb '{}'", figure.theme->ink,
                     figure.theme->grid)},
        "references of its ubuf, as replay infers them, and the kernel's functions");
    add(!figure.unnotified.empty(), Sample::point,
        {fmt::format("pt 2 ps {:.2f} lw 1.5 lc rgb '{}'", point_size(figure, 1),
                     figure.theme->ink)},
        "no notification in the trace");
    add(!figure.cut.empty(), Sample::point,
        {fmt::format("pt 1 ps {:.2f} lw 1.5 lc rgb '{}'", point_size(figure, 1),
                     figure.theme->frame)},
        "goes on past the edge");
    return all;
}

Header header_of(const LifecycleFigure& figure) {
    Header header;
    const double left = figure.margin_left_px;
    const double right = figure.width_px - 20;
    header.lines = broken_into_lines(figure.facts, right - left);
    double y = facts_px + line_px * static_cast<double>(header.lines.size()) + 8;
    double x = left;
    header.legend = legend_of(figure);
    for (Entry& entry : header.legend) {
        if (x > left && x + entry.width_px() > right) {
            x = left;
            y += line_px;
        }
        entry.x = x;
        entry.y = y;
        x += entry.width_px();
    }
    header.height_px = y + 30;
    header.notes_px = header.height_px + figure.plot_height_px + below_plot_px +
                      line_px * static_cast<double>(figure.notes.size());
    header.picture_px = header.notes_px + (has_latency(figure) ? latency_px : 0);
    return header;
}

// A place in pixels from the top left; gnuplot counts from below.
std::string on_screen(const LifecycleFigure& figure, const Header& header, double x, double y) {
    return fmt::format("{:.5f},{:.5f}", x / figure.width_px, 1 - y / header.picture_px);
}

void write_entry(Gnuplot& gp, const LifecycleFigure& figure, const Header& header,
                 const Entry& entry) {
    const auto at = [&](double x, double y) {
        return on_screen(figure, header, entry.x + x, entry.y + y);
    };
    const double middle = entry.sample_px() / 2;
    for (const std::string& style : entry.styles) {
        if (entry.sample == Entry::Sample::box) {
            gp << fmt::format("set object rectangle from screen {} to screen {} {}\n", at(0, -7),
                              at(entry.sample_px(), 7), style);
        } else {
            gp << fmt::format("set label '' at screen {} point {} front\n", at(middle, 0), style);
        }
    }
    if (entry.sample == Entry::Sample::tick) {
        gp << fmt::format("set arrow from screen {} to screen {} nohead lw 2 lc rgb '{}'\n",
                          at(middle, -8), at(middle, 4), figure.theme->ink);
    }
    gp << fmt::format("set label {} at screen {} left font ',10.5' tc rgb '{}' front\n",
                      gnuplot_quoted(entry.words), at(entry.sample_px() + 8, 0),
                      figure.theme->text);
}

const char* colour_of(Verdict verdict, const Theme& theme) {
    return verdict == Verdict::clean       ? theme.good
           : verdict == Verdict::violation ? theme.bad
                                           : theme.unknown;
}

void write_header(Gnuplot& gp, const LifecycleFigure& figure, const Header& header) {
    const auto text = [&](double x, double y, const std::string& words, const std::string& style) {
        gp << fmt::format("set label {} at screen {} {} front\n", gnuplot_quoted(words),
                          on_screen(figure, header, x, y), style);
    };
    const Theme& theme = *figure.theme;
    const double left = figure.margin_left_px;
    text(left, title_px, figure.title,
         fmt::format("left font 'DejaVu Sans:Bold,16' tc rgb '{}'", theme.ink));
    text(figure.width_px - 20, title_px, std::string(name_of(figure.verdict)),
         fmt::format("right font 'DejaVu Sans:Bold,16' tc rgb '{}'",
                     colour_of(figure.verdict, theme)));
    double y = facts_px;
    for (const std::string& line : header.lines) {
        text(left, y, line, fmt::format("left font ',11' tc rgb '{}'", theme.text));
        y += line_px;
    }
    y = header.notes_px - line_px * static_cast<double>(figure.notes.size()) + 8;
    for (const std::string& note : figure.notes) {
        text(left, y, note, fmt::format("left font ',10' tc rgb '{}'", theme.text));
        y += line_px;
    }
    for (const Entry& entry : header.legend) write_entry(gp, figure, header, entry);
}

void write_labels(Gnuplot& gp, const char* axis, const std::vector<RowLabel>& labels) {
    gp << "set " << axis << " font ',10' (";
    const char* separator = "";
    for (const RowLabel& label : labels) {
        gp << separator << gnuplot_quoted(label.text) << ' ' << label.row;
        separator = ", ";
    }
    gp << ")\n";
}

void write_axes(Gnuplot& gp, const LifecycleFigure& figure, const Header& header) {
    const double width = figure.width_px;
    const double top = 1 - header.height_px / header.picture_px;
    const std::string rows =
        fmt::format("[{:.6g}:{:.6g}]", figure.top + static_cast<double>(figure.rows), figure.top);
    gp << fmt::format("set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\n",
                      figure.margin_left_px / width, 1 - figure.margin_right_px / width)
       << fmt::format("set tmargin at screen {:.5f}\nset bmargin at screen {:.5f}\n", top,
                      top - figure.plot_height_px / header.picture_px)
       << fmt::format(
              "unset key\nset border 3 lc rgb '{}'\nset tics out nomirror scale 0.6 tc rgb '{}'\n",
              figure.theme->frame, figure.theme->text)
       << fmt::format("set grid xtics lt 1 lw 1 lc rgb '{}'\nset grid back\n", figure.theme->grid)
       << fmt::format("set xrange [{:.9g}:{:.9g}]\n", figure.from - figure.gutter, figure.to)
       << "set yrange " << rows << "\nset format x '%.6g'\n"
       << fmt::format("set xlabel 'time since {} ({})' tc rgb '{}'\n",
                      figure.since == Since::first_submission ? "the first submission"
                                                              : "the submission of each request",
                      figure.unit, figure.theme->text);
    write_labels(gp, "ytics", figure.labels);
    if (!figure.submitted_at.empty()) {
        gp << "set y2range " << rows << "\n";
        write_labels(gp, "y2tics", figure.submitted_at);
    }
}

void write_callout(Gnuplot& gp, const LifecycleFigure& figure) {
    if (!figure.worst) return;
    const Theme& theme = *figure.theme;
    const Callout& note = *figure.worst;
    gp << fmt::format(
              "set object rectangle center first {:.9g},{:.6g} size first {:.9g},{:.6g} front "
              "fs solid border lc rgb '{}' fc rgb '{}' lw 2\n",
              note.x, note.y, 2 * note.half_width, 2 * note.half_height, theme.bad, theme.ground)
       << fmt::format(
              "set arrow from first {:.9g},{:.6g} to first {:.9g},{} front filled "
              "size screen 0.009,18 lw 2 lc rgb '{}'\n",
              note.arrow_x, note.arrow_y, note.target.at, note.target.row, theme.ink)
       << fmt::format(
              "set label {} at first {:.9g},{:.6g} center front font "
              "'DejaVu Sans:Bold,11' tc rgb '{}'\n",
              gnuplot_quoted(note.text), note.x, note.y, theme.bad);
}

}  // namespace

void draw_lifecycle(Gnuplot& gp, const LifecycleFigure& figure) {
    const Header header = header_of(figure);
    gp << std::defaultfloat << std::setprecision(10) << "set encoding utf8\n"
       << terminal_of(figure.kind, figure.width_px, static_cast<int>(header.picture_px),
                      *figure.theme);
    if (has_latency(figure)) gp << "set multiplot\n";
    write_header(gp, figure, header);
    write_axes(gp, figure, header);
    write_details(gp, figure);
    write_callout(gp, figure);
    const std::vector<Series> all = series_of(figure);
    const char* separator = "plot ";
    for (const Series& series : all) {
        gp << separator << "'-' " << series.style;
        separator = ", \\\n  ";
    }
    gp << '\n';
    for (const Series& series : all) {
        if (series.boxes.empty()) {
            gp.send1d(series.points);
        } else {
            gp.send1d(series.boxes);
        }
    }
    if (!has_latency(figure)) return;
    const double left = figure.margin_left_px;
    draw_latency(
        gp, figure.latency,
        {left, header.notes_px + 16, figure.width_px - left - figure.margin_right_px,
         latency_px - 16 - below_plot_px, static_cast<double>(figure.width_px), header.picture_px},
        *figure.theme);
    gp << "unset multiplot\n";
}

}  // namespace zcv
