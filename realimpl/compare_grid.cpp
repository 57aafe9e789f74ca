#include "realimpl/compare_grid.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace zcv::compare {

std::string grid(const std::vector<std::vector<std::string>>& rows, std::size_t left) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line = " ";
        for (std::size_t i = 0; i < row.size(); ++i)
            line += i < left ? fmt::format(" {:<{}}", row[i], widths[i])
                             : fmt::format("  {:>{}}", row[i], widths[i]);
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

std::string markdown_grid(const std::vector<std::vector<std::string>>& rows) {
    std::string text;
    for (const auto& row : rows) {
        text += fmt::format("| {} |\n", fmt::join(row, " | "));
        if (&row != &rows.front()) continue;
        text += '|';
        for (std::size_t i = 0; i < row.size(); ++i) text += "---|";
        text += '\n';
    }
    return text;
}

std::string csv_line(const std::vector<std::string>& cells) {
    std::string line;
    for (const std::string& cell : cells) {
        std::string quoted = cell;
        for (std::size_t at = 0; (at = quoted.find('"', at)) != std::string::npos; at += 2)
            quoted.insert(at, 1, '"');
        const bool plain = cell.find_first_of(",\"\n") == std::string::npos;
        if (!line.empty() || &cell != &cells.front()) line += ',';
        line += plain ? cell : '"' + quoted + '"';
    }
    return line + '\n';
}

}  // namespace zcv::compare
