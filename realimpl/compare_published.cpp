#include "realimpl/compare_published.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "model/clock/published.hpp"
#include "realimpl/compare_grid.hpp"

namespace zcv::compare {

namespace {

using clock::PublishedFigure;
using clock::PublishedTable;

std::vector<std::uint32_t> sizes_of(const PublishedTable& table) {
    std::vector<std::uint32_t> sizes;
    for (const PublishedFigure& figure : table.figures)
        if (std::ranges::find(sizes, figure.bytes) == sizes.end()) sizes.push_back(figure.bytes);
    return sizes;
}

std::string ratio_text(const PublishedTable& table, const PublishedFigure& figure) {
    const auto ratio = clock::ratio_of(table, figure);
    return ratio ? fmt::format("{:.2f}", *ratio) : "";
}

std::vector<std::vector<std::string>> rows_of(const PublishedTable& table) {
    std::vector<std::vector<std::string>> rows{{"as published", "path"}};
    const bool ratios = !table.baseline.empty();
    const auto sizes = sizes_of(table);
    for (const std::uint32_t bytes : sizes) {
        rows[0].push_back(fmt::format("{} B", bytes));
        if (ratios) rows[0].emplace_back("ratio");
    }
    for (const PublishedFigure& figure : table.figures) {
        auto row = std::ranges::find_if(rows, [&](const auto& r) { return r[0] == figure.as; });
        if (row == rows.end()) {
            rows.push_back({std::string(figure.as), text_of(figure.path)});
            row = rows.end() - 1;
        }
        row->push_back(fmt::format("{:.0f}", figure.value));
        if (ratios) row->push_back(ratio_text(table, figure));
    }
    return rows;
}

std::string about(const PublishedTable& table) {
    std::string text =
        fmt::format("{} to a {} device, {}", table.transport == "tcp" ? "TCP" : "UDP", table.device,
                    table.unit);
    if (!table.baseline.empty()) text += fmt::format("; ratio to '{}'", table.baseline);
    return text;
}

}  // namespace

std::string published_text() {
    std::string text;
    for (const PublishedTable& table : clock::published_tables())
        text += fmt::format("{}{}: {}\n  {}\n  {}\n{}", text.empty() ? "" : "\n", table.id,
                            table.title, about(table), table.source, grid(rows_of(table), 2));
    return text;
}

std::string published_markdown() {
    std::string text;
    for (const PublishedTable& table : clock::published_tables())
        text += fmt::format("{}**{}**: {}. {}. {}\n\n{}", text.empty() ? "" : "\n", table.id,
                            table.title, about(table), table.source, markdown_grid(rows_of(table)));
    return text;
}

std::string published_csv() {
    std::string text = csv_line({"table", "profile", "device", "transport", "as_published", "path",
                                 "batch", "notifies_each", "bytes", "unit", "value", "ratio"});
    for (const PublishedTable& table : clock::published_tables())
        for (const PublishedFigure& figure : table.figures) {
            const auto ratio = clock::ratio_of(table, figure);
            text += csv_line({std::string(table.id), std::string(table.profile),
                              std::string(table.device), std::string(table.transport),
                              std::string(figure.as), std::string(name_of(figure.path.way)),
                              std::to_string(figure.path.batch),
                              figure.path.notifies_each ? "1" : "0", std::to_string(figure.bytes),
                              std::string(table.unit), fmt::format("{:.0f}", figure.value),
                              ratio ? fmt::format("{:.4f}", *ratio) : ""});
        }
    return text;
}

nlohmann::ordered_json published_json() {
    using Json = nlohmann::ordered_json;
    Json all = Json::array();
    for (const PublishedTable& table : clock::published_tables()) {
        Json figures = Json::array();
        for (const PublishedFigure& figure : table.figures) {
            const auto ratio = clock::ratio_of(table, figure);
            figures.push_back({{"as_published", figure.as},
                               {"path", name_of(figure.path.way)},
                               {"batch", figure.path.batch},
                               {"notifies_each", figure.path.notifies_each},
                               {"bytes", figure.bytes},
                               {"value", figure.value},
                               {"ratio", ratio ? Json(*ratio) : Json(nullptr)}});
        }
        all.push_back({{"table", table.id},
                       {"title", table.title},
                       {"source", table.source},
                       {"profile", table.profile},
                       {"device", table.device},
                       {"transport", table.transport},
                       {"unit", table.unit},
                       {"baseline", table.baseline},
                       {"figures", figures}});
    }
    return all;
}

}  // namespace zcv::compare
