#include "plots/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "model/outcome.hpp"

namespace zcv {
namespace {

using Json = nlohmann::json;

constexpr int panel_px = 290;
constexpr const char* bar_colour = "#56B4E9";
constexpr const char* other_colour = "#D55E00";

Refusal not_a_comparison(const std::string& path, const std::string& why) {
    return {
        Status::usage,
        fmt::format("plot compare {}: {}: give what zcv compare --format json printed", path, why)};
}

std::string path_text(const Json& cell) {
    std::string text =
        fmt::format("{} x{}", cell.at("path").get<std::string>(), cell.at("batch").get<unsigned>());
    const bool each = cell.value("notifies_each", true);
    return each ? text : text + " no flush";
}

// The panel of this title, at the end when it is new.
ComparePanel& panel_of(CompareFigure& figure, const std::string& title) {
    for (ComparePanel& panel : figure.panels)
        if (panel.title == title) return panel;
    figure.panels.push_back({title, {}});
    return figure.panels.back();
}

std::string place_text(const Json& cell) {
    return fmt::format("{} {}, {} bytes", cell.at("transport").get<std::string>(),
                       cell.at("device").get<std::string>(), cell.at("bytes").get<unsigned>());
}

CompareFigure measured_figure(const Json& measured) {
    CompareFigure figure{fmt::format("Ways to send, measured on {}: requests a second of a "
                                     "processor, beside MSG_ZEROCOPY",
                                     measured.at("kernel").get<std::string>()),
                         "measured",
                         "",
                         {}};
    for (const Json& cell : measured.at("cells")) {
        const Json& ratio = cell.at("ratio");
        panel_of(figure, place_text(cell))
            .bars.push_back(
                {path_text(cell), ratio.at("median"), ratio.at("low"), ratio.at("high"), 0});
    }
    return figure;
}

CompareFigure simulated_figure(const Json& simulated) {
    CompareFigure figure{fmt::format("Ways to send on {}: requests a second of a processor, beside "
                                     "MSG_ZEROCOPY",
                                     simulated.at("kernel").get<std::string>()),
                         "simulated",
                         "",
                         {}};
    for (const Json& cell : simulated.at("cells")) {
        CompareBar bar{path_text(cell), cell.at("ratio"), cell.at("ratio"), cell.at("ratio"), 0};
        if (cell.contains("measured_ratio")) {
            const Json& ratio = cell.at("measured_ratio");
            bar = {bar.label, ratio.at("median"), ratio.at("low"), ratio.at("high"), bar.height};
            figure.bar_means = "measured";
            figure.other_means = "simulated";
        }
        panel_of(figure, place_text(cell)).bars.push_back(bar);
    }
    return figure;
}

CompareFigure explained_figure(const Json& explained) {
    CompareFigure figure{"The first two series' tables: requests a second, beside MSG_ZEROCOPY",
                         "published",
                         "reproduced by the model",
                         {}};
    for (const Json& environment : explained.at("environments"))
        for (const Json& row : environment.at("rows")) {
            const double published = row.at("published_ratio");
            panel_of(figure, environment.at("name").get<std::string>())
                .bars.push_back(
                    {row.at("as_published"), published, published, published, row.at("ratio")});
        }
    return figure;
}

CompareFigure published_figure(const Json& published) {
    CompareFigure figure{
        "What was published: rates, beside each table's baseline", "published", "", {}};
    for (const Json& table : published)
        for (const Json& row : table.at("figures")) {
            if (row.at("ratio").is_null()) continue;
            const double ratio = row.at("ratio");
            panel_of(figure, fmt::format("{}, {} bytes", table.at("table").get<std::string>(),
                                         row.at("bytes").get<unsigned>()))
                .bars.push_back({row.at("as_published"), ratio, ratio, ratio, 0});
        }
    return figure;
}

// One panel's plot command, and the data that goes with it.
void draw_panel(Gnuplot& gp, const CompareFigure& figure, const ComparePanel& panel) {
    std::vector<std::tuple<double, double>> bars;
    std::vector<std::tuple<double, double, double, double>> intervals;
    std::vector<std::tuple<double, double>> others;
    std::string ticks;
    double highest = 1;
    for (std::size_t i = 0; i < panel.bars.size(); ++i) {
        const CompareBar& bar = panel.bars[i];
        const auto at = static_cast<double>(i);
        bars.emplace_back(at, bar.height);
        if (bar.high > bar.low) intervals.emplace_back(at, bar.low, 0.0, bar.high - bar.low);
        if (!figure.other_means.empty()) others.emplace_back(at, bar.other);
        ticks += fmt::format("{}{} {}", i == 0 ? "" : ", ", gnuplot_quoted(bar.label), i);
        highest = std::max({highest, bar.high, bar.other});
    }
    gp << "unset label\nset label " << gnuplot_quoted(panel.title)
       << " at graph 0, graph 1.13 left font 'DejaVu Sans:Bold,11'\nset xtics (" << ticks
       << ") rotate by -20\nset xrange [-0.6:" << static_cast<double>(bars.size()) - 0.4
       << "]\nset yrange [0:" << 1.1 * highest << "]\n"
       << "plot '-' using 1:2 with boxes fs solid noborder fc rgb '" << bar_colour << "' title "
       << gnuplot_quoted(figure.bar_means) << ", 1 with lines dt 2 lc rgb '#808080' notitle";
    if (!intervals.empty())
        gp << ", '-' using 1:2:3:4 with vectors heads size graph 0.004,90 lw 1.5 lc rgb 'black' "
              "notitle";
    // The edge tells it from the bars in grey print too.
    if (!others.empty())
        gp << ", '-' using 1:2 with points pt 9 ps 1.5 lc rgb '" << other_colour << "' title "
           << gnuplot_quoted(figure.other_means)
           << ", '-' using 1:2 with points pt 8 ps 1.5 lw 1.2 lc rgb 'black' notitle";
    gp << "\n";
    gp.send1d(bars);
    if (!intervals.empty()) gp.send1d(intervals);
    if (!others.empty()) {
        gp.send1d(others);
        gp.send1d(others);
    }
}

}  // namespace

CompareFigure read_comparison(const std::string& path) {
    std::ifstream in(path);
    if (!in) throw not_a_comparison(path, "it cannot be read");
    try {
        const Json all = Json::parse(in);
        CompareFigure figure;
        if (all.contains("measured"))
            figure = measured_figure(all.at("measured"));
        else if (all.contains("simulated"))
            figure = simulated_figure(all.at("simulated"));
        else if (all.contains("explained"))
            figure = explained_figure(all.at("explained"));
        else
            figure = published_figure(all.at("published"));
        if (figure.panels.empty()) throw not_a_comparison(path, "nothing is compared in it");
        return figure;
    } catch (const Json::exception&) {
        throw not_a_comparison(path, "it is no comparison");
    }
}

void draw_comparison(Gnuplot& gp, const CompareFigure& figure, PictureKind kind, int width_px) {
    const int columns = figure.panels.size() > 2 ? 2 : 1;
    const int rows = (static_cast<int>(figure.panels.size()) + columns - 1) / columns;
    gp << terminal_of(kind, width_px, 60 + rows * panel_px) << "set multiplot layout " << rows
       << "," << columns << " title " << gnuplot_quoted(figure.title)
       << " font 'DejaVu Sans:Bold,14'\nset boxwidth 0.7\nset grid ytics lt 1 lc rgb '"
       << light_theme().grid << "'\nset border 3 lc rgb '" << light_theme().frame
       << "'\nset tics out nomirror scale 0.6\nset ylabel 'ratio'\n"
       << "set key at graph 1, graph 1.22 right horizontal\nset tmargin 4\n";
    for (const ComparePanel& panel : figure.panels) draw_panel(gp, figure, panel);
    gp << "unset multiplot\n";
}

}  // namespace zcv
