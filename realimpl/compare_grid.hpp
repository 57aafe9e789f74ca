#pragma once

#include <string>
#include <vector>

namespace zcv::compare {

// Rows of cells below each other, the first `left` columns flush left and the others flush right.
// The first row is the heading.
std::string grid(const std::vector<std::vector<std::string>>& rows, std::size_t left);

// The same with bars between the cells, as Markdown has it.
std::string markdown_grid(const std::vector<std::vector<std::string>>& rows);

// Comma-separated, quoted where it must be.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace zcv::compare
