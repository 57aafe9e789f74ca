#include "plots/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>

#include "model/outcome.hpp"
#include "plots/picture_options.hpp"
#include "traces/file_words.hpp"

namespace zcv {
namespace {

using Json = nlohmann::json;

Refusal not_a_comparison(const std::string& path, const std::string& why) {
    return {Status::usage,
            fmt::format("plot compare {}: {}: give what zcv compare --format json printed",
                        printable(path), why)};
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

// DPDK's device is shown with the ifb, whose baseline is its own.
std::string place_text(const Json& cell) {
    const std::string device = cell.at("device");
    return fmt::format("{} {}, {} bytes", cell.at("transport").get<std::string>(),
                       device == "null" ? "ifb" : device, cell.at("bytes").get<unsigned>());
}

CompareFigure measured_figure(const Json& measured) {
    CompareFigure figure{fmt::format("Ways to send, measured on {}: requests a second of a "
                                     "processor, beside MSG_ZEROCOPY",
                                     measured.at("kernel").get<std::string>()),
                         "measured",
                         "",
                         false,
                         {}};
    for (const Json& cell : measured.at("cells")) {
        const Json& ratio = cell.at("ratio");
        panel_of(figure, place_text(cell))
            .bars.push_back({path_text(cell), ratio.at("median"), ratio.at("low"), ratio.at("high"),
                             0, cell.value("bypass", false)});
    }
    return figure;
}

CompareFigure simulated_figure(const Json& simulated) {
    CompareFigure figure{fmt::format("Ways to send on {}: requests a second of a processor, beside "
                                     "MSG_ZEROCOPY",
                                     simulated.at("kernel").get<std::string>()),
                         "simulated",
                         "",
                         false,
                         {}};
    for (const Json& cell : simulated.at("cells")) {
        CompareBar bar{path_text(cell), cell.at("ratio"), cell.at("ratio"), cell.at("ratio"), 0};
        if (cell.contains("measured_ratio")) {
            const Json& ratio = cell.at("measured_ratio");
            bar = {bar.label, ratio.at("median"), ratio.at("low"), ratio.at("high"), bar.value};
            figure.bar_means = "measured";
            figure.other_means = "simulated";
        }
        panel_of(figure, place_text(cell)).bars.push_back(bar);
    }
    return figure;
}

std::string environment_text(const Json& environment, const Json& row) {
    return fmt::format("{}, {} bytes", environment.at("name").get<std::string>(),
                       row.at("bytes").get<unsigned>());
}

CompareFigure explained_figure(const Json& explained) {
    CompareFigure figure{
        "Published tables and what the model makes of them: requests a second, beside each "
        "baseline",
        "published",
        "reproduced by the model",
        false,
        {}};
    for (const Json& environment : explained.at("environments"))
        for (const Json& row : environment.at("rows")) {
            const double published = row.at("published_ratio");
            panel_of(figure, environment_text(environment, row))
                .bars.push_back(
                    {row.at("as_published"), published, published, published, row.at("ratio")});
        }
    return figure;
}

CompareFigure published_figure(const Json& published) {
    CompareFigure figure{
        "What was published: rates, beside each table's baseline", "published", "", false, {}};
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

SpentOn spent_on(const std::string& cost) {
    static const std::map<std::string, SpentOn> known{
        {"call", SpentOn::calls},
        {"enter", SpentOn::calls},
        {"submit", SpentOn::calls},
        {"poll", SpentOn::calls},
        {"request", SpentOn::requests},
        {"cqe", SpentOn::requests},
        {"ring-send", SpentOn::requests},
        {"datagram", SpentOn::packet},
        {"device", SpentOn::packet},
        {"device-pages", SpentOn::packet},
        {"napi", SpentOn::packet},
        {"copy", SpentOn::copy},
        {"copy-warm", SpentOn::copy},
        {"pin", SpentOn::pages},
        {"frags", SpentOn::pages},
        {"notification", SpentOn::notifications},
        {"task-work", SpentOn::notifications},
        {"work-run", SpentOn::notifications},
        {"work-item", SpentOn::notifications},
        {"ubuf", SpentOn::notifications},
        {"read-range", SpentOn::error_queue},
        {"look", SpentOn::error_queue},
        {"card-range", SpentOn::error_queue},
    };
    return known.at(cost);
}

CompareBar stacked_bar(const std::string& label, const Json& steps) {
    CompareBar bar;
    bar.label = label;
    for (const Json& step : steps) {
        const std::string cost = step.at("cost");
        const double ns = step.at("ns");
        if (ns <= 0) continue;
        bar.parts.push_back({step.at("step"), cost, spent_on(cost), ns});
        bar.value += ns;
    }
    std::ranges::stable_sort(bar.parts, {}, &ComparePart::on);
    bar.low = bar.high = bar.value;
    return bar;
}

CompareFigure stacked_figure(const Json& all) {
    CompareFigure figure;
    figure.is_stacked = true;
    if (all.contains("simulated")) {
        const Json& simulated = all.at("simulated");
        figure.title =
            fmt::format("Where a request's time goes on {}: the model's steps, by what they cost",
                        simulated.at("kernel").get<std::string>());
        for (const Json& cell : simulated.at("cells"))
            panel_of(figure, place_text(cell))
                .bars.push_back(stacked_bar(path_text(cell), cell.at("steps")));
        return figure;
    }
    figure.title =
        "Where a request's time goes in published tables: the model's steps, by what they cost";
    for (const Json& environment : all.at("explained").at("environments"))
        for (const Json& row : environment.at("rows"))
            panel_of(figure, environment_text(environment, row))
                .bars.push_back(stacked_bar(row.at("as_published"), row.at("steps")));
    return figure;
}

}  // namespace

CompareFigure read_comparison(const std::string& path, bool by_step) {
    std::ifstream in(path);
    if (!in) throw not_a_comparison(path, "it cannot be read");
    try {
        const Json all = Json::parse(in);
        CompareFigure figure;
        if (by_step && !all.contains("simulated") && !all.contains("explained"))
            throw Refusal(Status::usage,
                          fmt::format("plot compare {} --by-step: there are no steps in it: give "
                                      "what zcv compare --simulate (or --explain) --format json "
                                      "printed",
                                      printable(path)));
        if (by_step)
            figure = stacked_figure(all);
        else if (all.contains("measured"))
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
    } catch (const std::out_of_range&) {
        throw not_a_comparison(path, "it names a cost that is not known here");
    }
}

void write_comparison_csv(std::ostream& out, const CompareFigure& figure) {
    out << (figure.is_stacked ? "panel,path,step,cost,ns\n" : "panel,path,ratio,low,high,other\n");
    for (const ComparePanel& panel : figure.panels)
        for (const CompareBar& bar : panel.bars) {
            const std::string row = csv_value(panel.title) + ',' + csv_value(bar.label);
            for (const ComparePart& part : bar.parts)
                out << fmt::format("{},{},{},{:.6g}\n", row, csv_value(part.step), part.cost,
                                   part.ns);
            if (!figure.is_stacked)
                out << fmt::format("{},{:.6g},{:.6g},{:.6g},{}\n", row, bar.value, bar.low,
                                   bar.high, bar.other > 0 ? fmt::format("{:.6g}", bar.other) : "");
        }
}

}  // namespace zcv
